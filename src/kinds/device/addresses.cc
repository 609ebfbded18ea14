// SPDX-License-Identifier: GPL-2.0-or-later
// Whose an address is that a device is to have.
#include <algorithm>
#include <fmt/format.h>

#include "kinds/device/devices.h"
#include "netlink/route.h"

namespace warren::device {
namespace {

using model::Device;
using model::DeviceKind;
using model::Space;

/// Of those that can hear each other; a parent that is left out is of nobody else.
bool on_one_segment(const Device& one, const Device& other) {
  return one.parent && one.parent == other.parent && one.vlan == other.vlan;
}

Status refuse(const Ip& ip, const std::string& whose) {
  return fail(Code::exists, fmt::format("address {} is {}: give another", ip.str(), whose));
}

Status check_pools(const Ip& ip, const model::Settings& settings) {
  for (const auto& pool : {std::optional(settings.pool), settings.ula})
    if (pool && pool->contains(ip)) return refuse(ip, "of warren's own pool " + pool->str());
  return {};
}

}  // namespace

Status Devices::check_addresses(const Space& space, const Device& device, const Others& others) {
  const auto has = [&](const Ip& ip) {
    return std::ranges::find(device.addresses, ip, &IpPrefix::ip) != device.addresses.end();
  };
  for (const auto& address : device.addresses) TRY(check_pools(address.ip, settings_));
  if (device.addresses.empty() || !device.parent) return {};
  for (const auto& address : device.addresses)
    for (const auto& other : TRY(others.with_address(address.ip))) {
      const auto& theirs = other.device;
      const bool itself = other.number == space.number && theirs.index == device.index;
      const bool leaves = theirs.leaving || other.state == model::State::removing;
      if (itself || leaves || !on_one_segment(device, theirs)) continue;
      return refuse(address.ip, fmt::format("{} of space {}'s", theirs.name.str(), other.space.str()));
    }
  if (device.kind == DeviceKind::physical) return {};
  const auto base = netlink::link_index(*TRY(host()), model::base_link(device));
  for (const auto& address : TRY(netlink::dump_addresses(*TRY(host()))))
    // Elsewhere the host may have the same, in another network; a shim makes it the host's matter.
    if (has(address.ip) && (device.shim || (base && address.index == *base)))
      return refuse(address.ip, "the host's own");
  return {};
}

}  // namespace warren::device
