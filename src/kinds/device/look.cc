// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/look.h"

#include <algorithm>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <thread>

#include "kinds/device/dhcp.h"
#include "kinds/device/origin.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "sys/netns.h"

namespace warren::device {
namespace {

using model::Device;
using model::DeviceKind;

constexpr const char* kHostNetns = "/proc/self/ns/net";  // of the main thread: this one is inside

bool leads_to_host(const Device& device) { return device.kind != DeviceKind::physical; }

bool has_gateways(const Device& device, int index, const std::vector<netlink::Route>& routes) {
  return std::ranges::all_of(device.gateways, [&](const Ip& gateway) {
    return std::ranges::any_of(routes, [&](const netlink::Route& route) {
      return !route.dst && route.index == index && route.gateway == gateway &&
             route.metric == model::route_metric(device, gateway.family());
    });
  });
}

/// The default routes of both families, as far as any device asks for them.
Result<std::vector<netlink::Route>> read_routes(netlink::Socket& inside, const model::Space& space) {
  std::vector<netlink::Route> all;
  const bool any =
      std::ranges::any_of(space.devices, [](const auto& device) { return !device.gateways.empty(); });
  if (!any) return all;
  for (const auto family : {Family::v4, Family::v6})
    std::ranges::move(TRY(netlink::dump_routes(inside, family)), std::back_inserter(all));
  return all;
}

bool host_end_stands(const model::Space& space, const Device& device, const host::HostView& host) {
  const auto* link = host.link(model::host_link(space.number, device));
  if (!link || !link->up || link->group != model::kDeviceGroup) return false;
  if (!device.shim) {
    const auto* bridge = device.parent ? host.link(*device.parent) : nullptr;
    return !device.parent || (bridge && link->master == bridge->index);
  }
  const auto* base = host.link(model::base_link(device));
  if (!base || link->peer_index != base->index) return false;
  return std::ranges::all_of(device.addresses, [&](const IpPrefix& address) {
    if (!address.ip.is_v4()) return true;
    const auto* route = host.route(Cidr(address.ip, 32), 0);
    return route && route->index == link->index;
  });
}

bool sits_on(const Device& device, const netlink::Link& link, const host::HostView& host) {
  const auto* base = host.link(model::base_link(device));
  if (!base || link.kind != model::name(device.kind) || link.peer_index != base->index) return false;
  return device.kind == DeviceKind::vlan ? link.vlan == device.vlan : link.mode == kernel_mode(device.mode);
}

bool is_paired(const model::Space& space, const Device& device, const netlink::Link& link,
               const host::HostView& host) {
  const auto* outer = host.link(model::host_link(space.number, device));
  return outer && link.kind == "veth" && link.peer_index == outer->index && outer->peer_index == link.index;
}

}  // namespace

std::uint32_t kernel_mode(model::DeviceMode mode) {
  switch (mode) {
    case model::DeviceMode::private_:
      return MACVLAN_MODE_PRIVATE;
    case model::DeviceMode::vepa:
      return MACVLAN_MODE_VEPA;
    case model::DeviceMode::bridge:
      return MACVLAN_MODE_BRIDGE;
    case model::DeviceMode::l3:
      return IPVLAN_MODE_L3;
    case model::DeviceMode::l3s:
      return IPVLAN_MODE_L3S;
    case model::DeviceMode::l2:
    case model::DeviceMode::none:
      return IPVLAN_MODE_L2;
  }
  return 0;
}

Result<std::vector<DeviceInside>> look_at_devices(netlink::Socket& inside, const model::Space& space) {
  std::vector<DeviceInside> all(space.devices.size());
  if (all.empty()) return all;
  const auto addresses = TRY(netlink::dump_addresses(inside));
  const auto routes = TRY(read_routes(inside, space));
  const auto nsid = TRY(netlink::nsid_of(inside, TRY(sys::open_netns(kHostNetns)).get()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& one = all[i];
    one.link = TRY(netlink::get_link(inside, space.devices[i].name));
    // What a tenant makes in the likeness of a device leads elsewhere than to the host.
    if (one.link && leads_to_host(space.devices[i]) && (!nsid || one.link->peer_nsid != nsid))
      one.link.reset();
    if (!one.link) continue;
    for (const auto& address : addresses)
      if (address.index == one.link->index)
        one.addresses.push_back({address.ip, static_cast<std::uint8_t>(address.prefix)});
    one.gateways = has_gateways(space.devices[i], one.link->index, routes);
  }
  return all;
}

std::vector<DeviceInside> look_at_devices(const Place& place, const model::Space& space) {
  std::vector<DeviceInside> all(space.devices.size());
  if (all.empty()) return all;
  std::jthread([&] {
    const auto netns = sys::open_netns(place.pin(space.name.str()));
    if (!netns || !sys::enter_netns(netns->get())) return;
    auto socket = netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) return;
    if (auto seen = look_at_devices(*socket, space)) all = std::move(*seen);
  }).join();
  return all;
}

bool is_whole(const model::Space& space, const Device& device, const netlink::Link& link,
              const host::HostView& host) {
  if (device.kind == DeviceKind::veth) return is_paired(space, device, link, host);
  if (device.kind != DeviceKind::physical) return sits_on(device, link, host);
  return device.origin && is_inside(link, device);
}

bool host_end_is_left(const model::Space& space, const Device& device, const host::HostView& host) {
  if (device.kind != DeviceKind::veth && !device.shim) return false;
  const auto* link = host.link(model::host_link(space.number, device));
  return link && link->group == model::kDeviceGroup;
}

Parts judge(const model::Space& space, const Device& device, const DeviceInside& inside,
            const host::HostView& host) {
  Parts right;
  if (!inside.link || !is_whole(space, device, *inside.link, host)) return right;
  right.set(Part::link);
  const bool keeps_mac = device.kind == DeviceKind::physical && !device.mac;
  right.set(Part::mac, keeps_mac || inside.link->mac == model::device_mac(space.number, device));
  right.set(Part::up, inside.link->up);
  right.set(Part::addresses, device.old_addresses.empty() &&
                                 std::ranges::all_of(device.addresses, [&](const IpPrefix& address) {
                                   return std::ranges::find(inside.addresses, address) !=
                                          inside.addresses.end();
                                 }));
  right.set(Part::gateways, device.old_gateways.empty() && inside.gateways);
  const bool old_route = device.shim && !device.old_addresses.empty();
  right.set(Part::host_end, !old_route && host_end_stands(space, device, host));
  right.set(Part::client,
            device.dhcp ? client_runs(host.place, space, device) : !has_client(host.place, space, device));
  return right;
}

}  // namespace warren::device
