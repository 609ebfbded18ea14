// SPDX-License-Identifier: GPL-2.0-or-later
// Devices that sit on an interface of the host, found by what a tenant who has the space's network cannot
// change. Name, MAC and mode are his to change; what a link sits on is not.
#include <algorithm>
#include <fmt/format.h>

#include "kinds/device/devices.h"
#include "netlink/link.h"
#include "sys/netns.h"
#include "sys/userns.h"

namespace warren::device {
namespace {

using model::Device;
using model::DeviceKind;
using netlink::Link;

constexpr int kLinkRounds = 60;

/// What is made on top of a macvlan or ipvlan sits on the same parent, and may be a tap.
bool of_kind(const Link& link, const Device& device) {
  if (device.kind == DeviceKind::vlan) return link.kind == "vlan" && link.vlan == device.vlan;
  return link.kind == (device.kind == DeviceKind::macvlan ? "macvlan" : "ipvlan") ||
         link.kind == (device.kind == DeviceKind::macvlan ? "macvtap" : "ipvtap");
}

/// Is that the place of another device of the space on the same parent? It is that then, whichever it was
/// once.
bool is_of_another(const Link& link, const Device& device, const std::vector<Device>& all) {
  return std::ranges::any_of(all, [&](const Device& other) {
    return other.index != device.index && !other.leaving && other.kind == device.kind &&
           model::base_link(other) == model::base_link(device) && other.vlan == device.vlan &&
           other.name.str() == link.name;
  });
}

}  // namespace

Result<std::vector<int>> Devices::find_uppers(const Site& site) {
  const auto& device = site.device;
  std::vector<int> found;
  const auto nsid = TRY(netlink::nsid_of(site.room.socket, TRY(sys::current_netns()).get()));
  if (!nsid) return found;
  const bool of_tenant = TRY(sys::is_owned_by_other(site.room.netns.get()));
  const auto base = netlink::link_index(*TRY(host()), model::base_link(device));
  for (const auto& link : TRY(netlink::dump_links(site.room.socket))) {
    if (link.peer_nsid != nsid || !of_kind(link, device)) continue;
    if (is_of_another(link, device, site.space.devices)) continue;
    const bool marked = device.kind == DeviceKind::ipvlan
                            ? link.name == device.name.str()
                            : link.mac == model::device_mac(site.space.number, device);
    if (marked || (of_tenant && (!base || link.peer_index == *base))) found.push_back(link.index);
  }
  return found;
}

/// As often as there are any: where one stands, a tenant may make another on top of it meanwhile.
Result<bool> Devices::clear_uppers(const Site& site) {
  for (int round = 0; round < kLinkRounds; ++round) {
    const auto found = TRY(find_uppers(site));
    if (found.empty()) return round > 0;
    netlink::Batch batch;
    for (const int index : found) netlink::delete_link(batch, index);
    for (auto& failure : TRY(site.room.socket.run_all(batch)))
      if (failure.error.code != Code::not_found) return std::unexpected(std::move(failure.error));
  }
  return fail(Code::failed,
              fmt::format("{} is made again inside as fast as it is deleted: end the processes of "
                          "space {}",
                          model::str(site.device), site.space.name.str()));
}

}  // namespace warren::device
