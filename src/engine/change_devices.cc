// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "engine/change.h"

namespace warren::engine {
namespace {

using model::Device;

/// Do they differ in addresses at most? Such a change keeps the interface, and so its MAC.
bool same_link(const Device& one, const Device& other) {
  auto copy = other;
  copy.addresses = one.addresses, copy.gateways = one.gateways, copy.dhcp = one.dhcp;
  return one.same_wish(copy);
}

std::uint8_t choose_index(std::uint8_t wanted, const Change& change) {
  auto taken = change.before.devices;
  std::ranges::copy(change.after.devices, std::back_inserter(taken));
  const bool free = std::ranges::find(taken, wanted, &Device::index) == taken.end();
  return wanted != 0 && free ? wanted : model::free_index(taken).value_or(0);
}

const Device* find(const std::vector<Device>& devices, const IfName& name) {
  const auto found = std::ranges::find_if(
      devices, [&](const Device& device) { return !device.leaving && device.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

}  // namespace

void take_devices(const std::vector<Device>& wanted, Change& change) {
  auto& after = change.after.devices;
  std::erase_if(after, [](const Device& device) { return !device.leaving; });
  for (auto device : wanted) {
    const auto* had = find(change.before.devices, device.name);
    if (had && had->same_wish(device)) {
      after.push_back(*had);
      continue;
    }
    const bool stays = had && same_link(*had, device);
    if (stays) {
      device.index = had->index, device.origin = had->origin, device.home = had->home;
      model::note_old(*had, device);
    } else {
      device.index = choose_index(device.index, change);
    }
    change.put_devices.push_back(device);
    after.push_back(device);
  }
  for (const auto& device : change.before.devices) {
    const auto* has = find(after, device.name);
    if (!device.leaving && (!has || has->index != device.index)) change.drop_devices.push_back(device);
  }
  std::ranges::sort(after, {}, &Device::index);
}

std::vector<std::string> device_words(const Change& change) {
  std::vector<std::string> words;
  for (const auto& device : change.drop_devices) words.push_back("removes " + model::str(device));
  for (const auto& device : change.put_devices) {
    const auto had = std::ranges::find(change.before.devices, device.index, &Device::index);
    words.push_back((had == change.before.devices.end() ? "adds " : "changes ") + model::str(device));
  }
  return words;
}

void change_devices(Work& work, const Change& change) {
  for (auto device : change.drop_devices) {
    device.leaving = true;
    work.drop_devices.push_back({&change.before, std::move(device)});
  }
  const bool stands = change.before.state == model::State::up && change.after.state == model::State::up;
  if (!stands) return;
  for (const auto& device : change.put_devices) {
    const auto had = std::ranges::find(change.before.devices, device.index, &Device::index);
    if (had == change.before.devices.end())
      work.put_devices.push_back({&change.after, device});
    else
      work.amend_devices.push_back({&change.after, device});
  }
}

}  // namespace warren::engine
