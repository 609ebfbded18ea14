// SPDX-License-Identifier: GPL-2.0-or-later
// What the engine does with devices: the store's part of each operation, and the order of the kernel's.
#include <algorithm>
#include <fmt/format.h>

#include "apply/change.h"
#include "apply/engine.h"
#include "store/devices.h"
#include "store/spaces.h"
#include "sys/netns.h"

namespace warren::apply {

using model::Device;
using model::DeviceChange;
using model::Space;

namespace {

/// In a space without namespace no device stands.
bool is_there(const Space& space) { return sys::open_netns(sys::pin_path(space.name)).has_value(); }

}  // namespace

Status Engine::check_device(const Space& space, const Device& device) {
  TRY(check_interface(space, device));
  return check_device_addresses(space, device);
}

Status Engine::check_device_addresses(const Space& space, const Device& device) {
  auto spaces = TRY(store_.spaces().all());
  std::erase_if(spaces, [&](const Space& other) { return other.number == space.number; });
  spaces.push_back(space);  // as it is to be
  return devices().check_addresses(space, device, spaces);
}

Status Engine::check_interface(const Space& space, const Device& device) {
  for (const auto& other : space.devices)
    if (!other.leaving && other.index != device.index && other.name == device.name)
      return fail(Code::exists,
                  fmt::format("space {} has a device {} already", space.name.str(), device.name.str()));
  const auto wiring = model::wiring(space, settings_);
  if (space.uplink && wiring.inner == device.name)
    return fail(Code::exists,
                fmt::format("{} is the uplink of space {}", device.name.str(), space.name.str()));
  TRY(facts());
  return devices().check(space, device, TRY(store_.spaces().all()));
}

Status Engine::store_device(const Space& space, const Device& device) {
  auto transaction = TRY(store_.begin());
  TRY(store_.devices().put(space.number, device));
  return transaction.commit();
}

Result<Device> Engine::add_device(const SpaceName& name, Device device) {
  const auto space = TRY(find(name));
  const auto index = model::free_index(space.devices);
  if (!index)
    return fail(Code::failed,
                fmt::format("space {} has {} devices: no more fit", name.str(), model::kLastDevice));
  device.index = *index;
  TRY(model::complete(device));
  TRY(check_device(space, device));
  TRY(store_device(space, device));
  if (space.state != model::State::up) return device;
  auto put = devices().put(space, device, model::all_parts(device));
  if (put) {
    tell_of_device(hooks::Event::dev_add, space, device);
    return device;
  }
  TRY(undo_device(space, device));
  return std::unexpected(std::move(put).error());
}

/// What could not be undone stays in the store as leaving, with all that is known of it: `up` tries again.
Status Engine::undo_device(const Space& space, const Device& device) {
  const auto all = TRY(find(space.name)).devices;
  auto leaving = *std::ranges::find(all, device.index, &Device::index);
  leaving.leaving = true;
  TRY(store_device(space, leaving));
  return devices().drop(space, leaving) ? forget_devices(space, {leaving}) : Status();
}

Status Engine::remove_device(const SpaceName& name, const IfName& device) {
  const auto space = TRY(find(name));
  const auto found = std::ranges::find_if(
      space.devices, [&](const Device& one) { return one.name == device && !one.leaving; });
  if (found == space.devices.end())
    return fail(Code::not_found, fmt::format("space {0} has no device '{1}'; `warren dev ls {0}` lists them",
                                             name.str(), device.str()));
  auto leaving = *found;
  leaving.leaving = true;
  TRY(store_device(space, leaving));
  TRY(devices().drop(space, leaving));
  TRY(forget_devices(space, {leaving}));
  if (space.state == model::State::up) tell_of_device(hooks::Event::dev_rm, space, leaving);
  return {};
}

/// Those that come and go with their space count; one that is only mended does not.
void Engine::tell_of_device(hooks::Event event, const Space& space, const Device& device) {
  const auto mac = mac_of(space, device).value_or(model::device_mac(space.number, device));
  hooks::Device facts{device.name.str(), std::string(name(device.kind)), mac.str(), {}, {}};
  if (device.parent) facts.parent = device.parent->str();
  if (device.vlan != 0) facts.vlan = device.vlan;
  hooks_.device(event, space, settings_, facts);
}

/// What the link has: one of the host's keeps its own, and an ipvlan has that of what it sits on.
Result<Mac> Engine::mac_of(const Space& space, const Device& device) {
  if (device.kind == model::DeviceKind::ipvlan)
    if (const auto base = TRY(netlink::get_link(*TRY(kernel_.route()), model::base_link(device))))
      return base->mac;
  if (device.kind != model::DeviceKind::physical || device.mac)
    return model::device_mac(space.number, device);
  auto known = device;
  const auto stored = TRY(store_.spaces().find(space.name));  // what it was is written as it goes in
  if (stored)
    for (const auto& one : stored->devices)
      if (one.index == device.index) known = one;
  const auto& origin = known.origin ? known.origin : known.home;
  return origin ? origin->mac : model::device_mac(space.number, device);
}

Status Engine::forget_devices(const Space& space, const std::vector<Device>& gone) {
  if (gone.empty()) return {};
  auto transaction = TRY(store_.begin());
  for (const auto& device : gone) TRY(store_.devices().erase(space.number, device.index));
  return transaction.commit();
}

Status Engine::drop_devices(const Space& space) {
  const bool stood = is_there(space);
  TRY(devices().drop_all(space));
  for (const auto& device : space.devices)
    if (stood) tell_of_device(hooks::Event::dev_rm, space, device);
  return {};
}

/// Single ones, and then those that are left of spaces that go.
Status Engine::drop_devices(const Work& work) {
  for (const auto& [space, device] : work.drop_devices) {
    const bool stood = is_there(*space);
    TRY_WRAP("space " + space->name.str(), devices().drop(*space, device));
    TRY(forget_devices(*space, {device}));
    if (stood) tell_of_device(hooks::Event::dev_rm, *space, device);
  }
  for (const auto* space : work.tear_down) {
    auto rest = *space;
    std::erase_if(rest.devices, [&](const Device& device) {
      return std::ranges::any_of(work.drop_devices, [&](const DeviceStep& gone) {
        return gone.space->number == space->number && gone.device.index == device.index;
      });
    });
    TRY_WRAP("space " + space->name.str(), drop_devices(rest));
  }
  return {};
}

/// Those of a space that was down come home as well, and stay its own.
void Engine::drop_devices(const std::vector<DeviceChange>& changes) {
  for (const auto& change : changes) {
    if (change.kind != DeviceChange::Kind::drop) continue;
    // Those of a space that goes have been tried.
    if (change.space->state != model::State::up && has_failed(device_failures_, change.space->name)) continue;
    auto dropped = devices().drop(*change.space, *change.device);
    if (dropped && change.device->leaving) dropped = forget_devices(*change.space, {*change.device});
    if (!dropped) device_failures_.push_back({change.space->name, std::move(dropped).error()});
  }
}

void Engine::put_devices(const std::vector<DeviceChange>& changes,
                         const std::vector<SpaceFailure>& failures) {
  for (const auto& change : changes) {
    if (change.kind != DeviceChange::Kind::put || has_failed(failures, change.space->name)) continue;
    if (auto put = devices().put(*change.space, *change.device, change.missing); !put)
      device_failures_.push_back({change.space->name, std::move(put).error()});
    else if (change.missing.has(model::DevicePart::link))
      tell_of_device(hooks::Event::dev_add, *change.space, *change.device);
  }
}

void Engine::put_devices(const Work& work, const std::vector<SpaceFailure>& failures) {
  std::vector<DeviceChange> changes;
  for (const auto& [space, device] : work.amend_devices)
    if (auto done = devices().amend(*space, device); !done)
      device_failures_.push_back({space->name, std::move(done).error()});
  for (const auto& build : work.build)
    for (const auto& device : build.space->devices)
      if (!device.leaving && build.missing.has(model::Part::netns))
        changes.push_back({DeviceChange::Kind::put, build.space, &device, model::all_parts(device)});
  for (const auto& [space, device] : work.put_devices)
    changes.push_back({DeviceChange::Kind::put, space, &device, model::all_parts(device)});
  put_devices(changes, failures);
}

void Engine::move_device_failures(std::vector<SpaceFailure>& to) {
  std::ranges::move(device_failures_, std::back_inserter(to));
  device_failures_.clear();
}

/// The devices of a space that is made: each keeps its index where it has one.
Status Engine::insert_devices(Space& space, const std::vector<Device>& devices) {
  for (auto device : devices) {
    if (device.index == 0) device.index = model::free_index(space.devices).value_or(0);
    TRY(model::complete(device));
    TRY_WRAP("device " + device.name.str(), check_device(space, device));
    space.devices.push_back(std::move(device));
  }
  std::ranges::sort(space.devices, {}, &Device::index);
  return {};
}

/// What goes stays in the store until it is gone; a new one of its name gets another index then.
Status Engine::store_devices(Change& change) {
  const auto& before = change.before;
  const auto& after = change.after;
  for (const auto& device : change.drop_devices) {
    auto leaving = device;
    leaving.leaving = true;
    TRY(store_.devices().put(before.number, leaving));
  }
  for (const auto& device : change.put_devices) {
    TRY_WRAP("device " + device.name.str(), check_interface(after, device));
    TRY(store_.devices().put(before.number, device));
  }
  return {};
}

}  // namespace warren::apply
