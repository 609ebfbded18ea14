// SPDX-License-Identifier: GPL-2.0-or-later
// The difference between two desired states, as rows of the store.
#include <algorithm>
#include <iterator>

#include "engine/self.h"
#include "model/derive.h"
#include "store/devices.h"
#include "store/forwards.h"
#include "store/members.h"
#include "store/services.h"
#include "store/spaces.h"

namespace warren::engine {
namespace {

using model::Desired;
using model::Space;

const Space* find(const Desired& desired, SpaceNumber number) {
  const auto found = std::ranges::lower_bound(desired.spaces, number, {}, &Space::number);
  return found != desired.spaces.end() && found->number == number ? &*found : nullptr;
}

/// What `all` has and `other` has not; both sorted.
template <class T>
std::vector<T> missing(const std::vector<T>& all, const std::vector<T>& other) {
  std::vector<T> left;
  std::ranges::set_difference(all, other, std::back_inserter(left));
  return left;
}

/// Gives up the addresses of one that is to have others, so that two spaces may change places. Until those
/// are written, it has one of no pool.
Status free_addresses(store::Store& store, const Space& space) {
  auto without = space;
  without.ip4.reset(), without.ip6.reset();
  return store.spaces().update(without, Ip::v4(space.number), {});
}

Status write_removals(store::Store& store, const Space& before, const Space& after) {
  if (before.ip4 != after.ip4 || before.ip6 != after.ip6) TRY(free_addresses(store, after));
  for (const auto& forward : missing(before.forwards, after.forwards))
    TRY(store.forwards().erase(before.number, forward));
  for (const auto& member : missing(before.members, after.members))
    TRY(store.members().erase(before.number, member));
  return {};
}

Status write_devices(store::Store& store, const Space& before, const Space& after) {
  for (const auto& device : after.devices) {
    const auto had = std::ranges::find(before.devices, device.index, &model::Device::index);
    if (had == before.devices.end() || *had != device) TRY(store.devices().put(after.number, device));
  }
  return {};
}

Status write_space(store::Store& store, const Space& before, const Space& after,
                   const model::Settings& settings) {
  if (before.ip4 != after.ip4 || before.ip6 != after.ip6 || before.nat != after.nat) {
    const auto w = model::wiring(after, settings);
    TRY(store.spaces().update(after, w.ip4, w.ip6));
  }
  if (before.adopted != after.adopted) TRY(store.spaces().set_adopted(after.number, after.adopted));
  if (before.state != after.state) TRY(store.spaces().set_state(after.number, after.state));
  for (const auto& forward : missing(after.forwards, before.forwards))
    TRY(store.forwards().insert(after.number, forward));
  for (const auto& member : missing(after.members, before.members))
    TRY(store.members().insert(after.number, member));
  return write_devices(store, before, after);
}

Status insert(store::Store& store, const Space& space, const model::Settings& settings) {
  const auto w = model::wiring(space, settings);
  TRY(store.spaces().insert(space, w.ip4, w.ip6));
  for (const auto& member : space.members) TRY(store.members().insert(space.number, member));
  return {};
}

Status write_services(store::Store& store, const std::vector<model::Service>& before,
                      const std::vector<model::Service>& after) {
  const auto has = [](const auto& all, const auto& one) { return std::ranges::find(all, one) != all.end(); };
  for (const auto& service : before)
    if (!has(after, service)) TRY(store.services().erase(service.name));
  for (const auto& service : after)
    if (!has(before, service)) TRY(store.services().insert(service));
  return {};
}

}  // namespace

Status write_change(store::Store& store, const Change& change) {
  const auto& settings = change.after.settings;
  for (const auto& space : change.before.spaces)
    if (const auto* after = find(change.after, space.number)) TRY(write_removals(store, space, *after));
  TRY(write_services(store, change.before.settings.services, settings.services));
  for (const auto& space : change.after.spaces) {
    const auto* before = find(change.before, space.number);
    const auto what = "space " + space.name.str();
    if (before)
      TRY_WRAP(what, write_space(store, *before, space, settings));
    else
      TRY(insert(store, space, settings));
  }
  return {};
}

}  // namespace warren::engine
