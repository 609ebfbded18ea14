// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/request.h"

#include <algorithm>
#include <fmt/format.h>

#include "kinds/device/ops.h"
#include "kinds/forward/ops.h"
#include "model/derive.h"
#include "store/spaces.h"

namespace warren::engine {
namespace {

using kinds::Ask;
using model::Desired;
using model::Space;

bool is_loaded(const Desired& desired, const SpaceName& name) {
  return std::ranges::find(desired.spaces, name, &Space::name) != desired.spaces.end();
}

/// Whose address it will be when all that is in memory is written.
Result<std::optional<SpaceName>> owner_of(const Ip& ip, const Desired& desired, Ask& ask) {
  for (const auto& space : desired.spaces) {
    const auto w = model::wiring(space, ask.settings);
    if (w.ip4 == ip || w.ip6 == ip) return space.name;
  }
  auto stored = TRY(ask.store.spaces().owner_of(ip));
  if (stored && is_loaded(desired, *stored)) stored.reset();  // it has another by then
  return stored;
}

Result<bool> is_free(SpaceNumber number, const Space& space, const Desired& desired, Ask& ask) {
  if (number > model::last_number(ask.settings) || TRY(ask.store.spaces().find(number))) return false;
  if (std::ranges::find(desired.spaces, number, &Space::number) != desired.spaces.end()) return false;
  auto with = space;
  with.number = number;
  const auto w = model::wiring(with, ask.settings);
  if (TRY(owner_of(w.ip4, desired, ask))) return false;
  return !w.ip6 || !TRY(owner_of(*w.ip6, desired, ask));
}

Result<SpaceNumber> choose_number(const SpaceRequest& request, const Space& space, const Desired& desired,
                                  Ask& ask) {
  if (request.number && TRY(is_free(*request.number, space, desired, ask))) return *request.number;
  const auto addresses = [&](SpaceNumber number) {
    auto with = space;
    with.number = number;
    const auto w = model::wiring(with, ask.settings);
    return std::pair(w.ip4, w.ip6);
  };
  for (;;) {
    const auto number = TRY(ask.store.spaces().allocate(model::last_number(ask.settings), addresses));
    // One that the same operation gave by hand, or whose address it did, is taken as well.
    if (TRY(is_free(number, space, desired, ask))) return number;
  }
}

Status add_devices(Space& space, const std::vector<model::Device>& devices, const device::Others* others,
                   Ask& ask) {
  for (auto device : devices) {
    if (device.index == 0) device.index = model::free_index(space.devices).value_or(0);
    TRY(model::complete(device));
    space.devices.push_back(device);
    if (!others) continue;
    const auto what = "device " + device.name.str();
    TRY_WRAP(what, device::check(space, device, *others, ask));
    TRY_WRAP(what, device::check_addresses(space, device, *others, ask));
  }
  std::ranges::sort(space.devices, {}, &model::Device::index);
  return {};
}

}  // namespace

Status check_given(const Space& space, const Desired& desired, Ask& ask) {
  for (const auto& ip : {space.ip4, space.ip6}) {
    if (!ip) continue;
    TRY(model::check_address(ask.settings, *ip));
    for (const auto& other : desired.spaces) {
      const auto w = model::wiring(other, ask.settings);
      if (other.name != space.name && (w.ip4 == *ip || w.ip6 == *ip))
        return fail(Code::exists, fmt::format("address {} is space {}'s", ip->str(), other.name.str()));
    }
    const auto owner = TRY(ask.store.spaces().owner_of(*ip));
    if (owner && *owner != space.name && !is_loaded(desired, *owner))
      return fail(Code::exists, fmt::format("address {} is space {}'s", ip->str(), owner->str()));
  }
  if (space.ip4 && !space.ip4->is_v4())
    return fail(Code::usage, fmt::format("{} is no IPv4 address: give it with --ip6", space.ip4->str()));
  if (space.ip6 && space.ip6->is_v4())
    return fail(Code::usage, fmt::format("{} is no IPv6 address: give it with --ip4", space.ip6->str()));
  return {};
}

Status insert_space(const SpaceRequest& request, Desired& desired, forward::PortResolver& ports, Ask& ask,
                    const device::Others* others) {
  if (is_loaded(desired, request.name))
    return fail(Code::exists, fmt::format("there is a space '{}' already", request.name.str()));
  Space space;
  space.name = request.name;
  space.ip4 = request.ip4, space.ip6 = request.ip6;
  space.nat = request.nat;
  space.uplink = request.uplink;
  if (!space.uplink && !request.ports.empty()) return std::unexpected(forward::no_uplink(space.name));
  space.state = request.up ? model::State::up : model::State::down;
  if (!space.uplink && (space.ip4 || space.ip6))
    return fail(Code::usage,
                fmt::format("space {} has no uplink, and so no address of the pool: leave that out",
                            space.name.str()));
  TRY(check_given(space, desired, ask));
  space.number = TRY(choose_number(request, space, desired, ask));
  space.forwards = TRY(ports.resolve(space.name, request.ports));
  TRY(add_devices(space, request.devices, others, ask));
  desired.spaces.push_back(std::move(space));
  return {};
}

}  // namespace warren::engine
