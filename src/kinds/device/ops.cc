// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/ops.h"

#include <algorithm>
#include <fmt/format.h>

#include "kinds/device/aspects.h"
#include "kinds/device/devices.h"
#include "model/derive.h"

namespace warren::device {
namespace {

using kinds::Ask;
using kinds::Operation;
using model::Desired;
using model::Device;
using model::Space;

/// With the uplinks of the host, which no space gets.
Result<Devices> judge_of(Ask& ask, std::vector<std::string>& said) {
  return Devices(ask.kernel, ask.store, ask.settings, said, TRY(ask.facts())->uplinks);
}

const Device* find(const std::vector<Device>& devices, const IfName& name) {
  const auto found = std::ranges::find_if(
      devices, [&](const Device& device) { return !device.leaving && device.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

const Device* find(const std::vector<Device>& devices, std::uint8_t index) {
  const auto found = std::ranges::find(devices, index, &Device::index);
  return found == devices.end() ? nullptr : &*found;
}

Status add_to(Space& space, Device device, Ask& ask) {
  const auto index = model::free_index(space.devices);
  if (!index)
    return fail(Code::failed,
                fmt::format("space {} has {} devices: no more fit", space.name.str(), model::kLastDevice));
  device.index = *index;
  TRY(model::complete(device));
  space.devices.push_back(device);
  std::ranges::sort(space.devices, {}, &Device::index);
  const Others others(ask.store);
  TRY(check(space, device, others, ask));
  return check_addresses(space, device, others, ask);
}

Status remove_from(Space& space, const IfName& name) {
  for (auto& device : space.devices)
    if (device.name == name && !device.leaving) {
      device.leaving = true;
      return {};
    }
  return fail(Code::not_found, fmt::format("space {0} has no device '{1}'; `warren dev ls {0}` lists them",
                                           space.name.str(), name.str()));
}

/// An index that was one of a device is not given again before that device is gone.
std::uint8_t choose_index(std::uint8_t wanted, const std::vector<Device>& before,
                          const std::vector<Device>& after) {
  auto taken = before;
  std::ranges::copy(after, std::back_inserter(taken));
  if (wanted != 0 && !find(taken, wanted)) return wanted;
  return model::free_index(taken).value_or(0);
}

}  // namespace

Operation add(const SpaceName& space, Device device) {
  return {{space}, false, [=](Desired& desired, Ask& ask) -> Status {
            return add_to(*TRY(kinds::find(desired, space)), device, ask);
          }};
}

Operation remove(const SpaceName& space, const IfName& device) {
  return {{space},
          false,
          [=](Desired& desired, Ask&) -> Status {
            return remove_from(*TRY(kinds::find(desired, space)), device);
          },
          Operation::OnFailure::go_on};
}

Status check(const Space& space, const Device& device, const Others& others, Ask& ask) {
  for (const auto& other : space.devices)
    if (!other.leaving && other.index != device.index && other.name == device.name)
      return fail(Code::exists,
                  fmt::format("space {} has a device {} already", space.name.str(), device.name.str()));
  if (space.uplink && model::wiring(space, ask.settings).inner == device.name)
    return fail(Code::exists,
                fmt::format("{} is the uplink of space {}", device.name.str(), space.name.str()));
  std::vector<std::string> said;
  return TRY(judge_of(ask, said)).check(space, device, others);
}

Status check_addresses(const Space& space, const Device& device, const Others& others, Ask& ask) {
  std::vector<std::string> said;
  return TRY(judge_of(ask, said)).check_addresses(space, device, others);
}

void take_wanted(const std::vector<Device>& wanted, Space& space) {
  const auto before = space.devices;
  auto& after = space.devices;
  std::erase_if(after, [](const Device& device) { return !device.leaving; });
  for (auto device : wanted) {
    const auto* had = find(before, device.name);
    if (had && had->same_wish(device)) {
      after.push_back(*had);
      continue;
    }
    if (had && same_link(*had, device)) {
      device.index = had->index, device.origin = had->origin, device.home = had->home;
      model::note_old(*had, device);
    } else {
      device.index = choose_index(device.index, before, after);
    }
    after.push_back(device);
  }
  for (auto device : before)
    if (!device.leaving && !find(after, device.index)) {
      device.leaving = true;
      after.push_back(device);
    }
  std::ranges::sort(after, {}, &Device::index);
}

std::vector<std::string> words(const Space& before, const Space& after) {
  std::vector<std::string> all;
  for (const auto& device : after.devices) {
    const auto* had = find(before.devices, device.index);
    if (device.leaving && had && !had->leaving) all.push_back("removes " + model::str(*had));
  }
  for (const auto& device : after.devices) {
    const auto* had = find(before.devices, device.index);
    if (!device.leaving && (!had || !had->same_wish(device)))
      all.push_back((had ? "changes " : "adds ") + model::str(device));
  }
  return all;
}

}  // namespace warren::device
