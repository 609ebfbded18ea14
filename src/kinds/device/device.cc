// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/device.h"

#include <algorithm>

#include "kinds/device/aspects.h"
#include "kinds/device/devices.h"
#include "kinds/device/look.h"
#include "store/devices.h"
#include "store/spaces.h"
#include "sys/netns.h"

namespace warren::device {
namespace {

using kinds::Context;
using kinds::ItemFacts;
using kinds::Wanted;
using model::Device;
using model::Space;
using model::State;
using model::Step;

const Device& device_of(const Step& step) {
  return *std::ranges::find(step.space->devices, step.item, &Device::index);
}

const Device* find(const Space& space, std::uint8_t index) {
  const auto found = std::ranges::find(space.devices, index, &Device::index);
  return found == space.devices.end() ? nullptr : &*found;
}

/// A physical one of a space that is down is to come home, and stays the space's.
void want(const Wanted& wanted, ItemFacts out) {
  const bool up = wanted.space.state == State::up;
  for (const auto& device : wanted.space.devices)
    if (up && !device.leaving)
      out.add(device.index, all_parts(device).bits());
    else
      out.add(device.index, 0, device.leaving || device.origin);
}

void keep(const Wanted& before, const Wanted& after, ItemFacts out) {
  for (const auto& device : after.space.devices) {
    const auto* had = find(before.space, device.index);
    if (!had || (!device.leaving && !same_link(*had, device))) continue;
    auto kept = all_parts(device);
    const bool same = had->same_wish(device) && had->old_addresses == device.old_addresses &&
                      had->old_gateways == device.old_gateways;
    if (!same && !device.leaving) kept = kept.without(kAddressParts);
    out.add(device.index, kept.bits());
  }
}

void see(const kinds::Sight& sight, const Space& space, ItemFacts out) {
  if (space.state != State::up) {
    for (const auto& device : space.devices)
      if (host_end_is_left(space, device, sight.view)) out.add(device.index, Parts{Part::host_end}.bits());
    return;
  }
  if (!sight.inside || space.devices.empty()) return;
  const auto insides = look_at_devices(*sight.inside, space);
  if (!insides) return;  // what cannot be read is not right, and is put right
  for (std::size_t i = 0; i < space.devices.size(); ++i)
    out.add(space.devices[i].index, judge(space, space.devices[i], (*insides)[i], sight.view).bits());
}

void host_links(const Wanted& wanted, std::vector<std::string>& names) {
  for (const auto& device : wanted.space.devices) {
    if (device.kind == model::DeviceKind::veth || device.shim)
      names.push_back(model::host_link(wanted.space.number, device).str());
    if (model::has_own_base(device)) names.push_back(model::base_link(device).str());
  }
}

void say(const Step& step, const model::Settings&, std::vector<std::string>& lines) {
  const auto& space = *step.space;
  const auto& device = device_of(step);
  if (step.action == Step::Action::drop) {
    // Those of a space that goes, go with it.
    if (device.leaving || device.origin)
      lines.push_back(model::str(device) + " is to go, but something of it is left");
    return;
  }
  const auto missing = Parts::of_bits(step.missing);
  if (missing.has(Part::link)) return lines.push_back(fault(Part::link, space, device));
  for (unsigned i = 0; i < kPartCount; ++i)
    if (const auto part = static_cast<Part>(i); missing.has(part))
      lines.push_back(fault(part, space, device));
}

Devices devices(Context& context) {
  return {context.kernel, context.store, context.settings, context.said, context.facts.uplinks};
}

Status forget(store::Store& store, const Space& space, const Device& device) {
  auto transaction = TRY(store.begin());
  TRY(store.devices().erase(space.number, device.index));
  return transaction.commit();
}

/// The store forgets one that was to go only when it is gone.
Status drop(const Step& step, Context& context) {
  const auto& space = *step.space;
  const auto& device = device_of(step);
  const bool stood = sys::open_netns(context.kernel.place().pin(space.name.str())).has_value();
  TRY(devices(context).drop(space, device, step.seen != 0 ? Devices::Say::lost : Devices::Say::nothing));
  if (device.leaving) TRY(forget(context.store, space, device));
  if (stood && context.tell) context.tell(false, space, device);
  return {};
}

Status put(const Step& step, Context& context) {
  const auto& device = device_of(step);
  const auto missing = Parts::of_bits(step.missing);
  TRY(devices(context).put(*step.space, device, missing));
  if (missing.has(Part::link) && context.tell) context.tell(true, *step.space, device);
  return {};
}

Status run(kinds::Phase phase, std::span<const Step> steps, Context& context) {
  for (const auto& step : steps) {
    const auto& name = step.space->name;
    if (phase == kinds::Phase::make && model::has_failed(context.failures, name)) continue;
    auto done = phase == kinds::Phase::leave ? drop(step, context) : put(step, context);
    if (!done) context.device_failures.push_back({name, std::move(done).error()});
  }
  return {};
}

}  // namespace

Result<Mac> mac_of(host::Kernel& kernel, store::Store& store, const Space& space, const Device& device) {
  if (device.kind == model::DeviceKind::ipvlan)
    if (const auto base = TRY(netlink::get_link(*TRY(kernel.route()), model::base_link(device))))
      return base->mac;
  if (device.kind != model::DeviceKind::physical || device.mac)
    return model::device_mac(space.number, device);
  auto known = device;
  const auto stored = TRY(store.spaces().find(space.name));  // what it was is written as it goes in
  if (stored)
    if (const auto* now = find(*stored, device.index)) known = *now;
  const auto& origin = known.origin ? known.origin : known.home;
  return origin ? origin->mac : model::device_mac(space.number, device);
}

const kinds::Kind kKind{"device", want, keep, see, host_links, say, run};

}  // namespace warren::device
