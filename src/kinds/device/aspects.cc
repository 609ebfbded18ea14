// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/aspects.h"

#include <fmt/format.h>

#include "model/device.h"

namespace warren::device {

Parts all_parts(const model::Device& device) {
  Parts parts{Part::link, Part::up};
  parts.set(Part::mac, device.kind != model::DeviceKind::ipvlan);
  parts.set(Part::addresses, !device.addresses.empty() || !device.old_addresses.empty());
  parts.set(Part::gateways, !device.gateways.empty() || !device.old_gateways.empty());
  parts.set(Part::host_end, device.kind == model::DeviceKind::veth || device.shim);
  parts.set(Part::client);
  return parts;
}

bool same_link(const model::Device& one, const model::Device& other) {
  auto copy = other;
  copy.addresses = one.addresses, copy.gateways = one.gateways, copy.dhcp = one.dhcp;
  return one.same_wish(copy);
}

std::string fault(Part part, const model::Space& space, const model::Device& device) {
  const auto& own = device.name.str();
  switch (part) {
    case Part::link:
      return fmt::format("{} is gone or not what it should be", model::str(device));
    case Part::mac:
      return fmt::format("{} does not have MAC {}", own, model::device_mac(space.number, device).str());
    case Part::up:
      return fmt::format("{} is not up", own);
    case Part::addresses:
      if (!device.old_addresses.empty()) return fmt::format("{} has addresses of before a change", own);
      return fmt::format("{} does not have all its addresses", own);
    case Part::gateways:
      if (!device.old_gateways.empty()) return fmt::format("{} has default routes of before a change", own);
      return fmt::format("there is no default route by {}", own);
    case Part::host_end:
      return fmt::format("{} is gone, down, or not where it should be",
                         model::host_link(space.number, device).str());
    case Part::client:
      if (!device.dhcp) return fmt::format("a DHCP client, or its lease, is left of {}", own);
      return fmt::format("no DHCP client looks after {}", own);
  }
  return {};
}

}  // namespace warren::device
