// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/host_view.h"

#include <algorithm>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <tuple>

#include "host/links.h"
#include "sys/netns.h"

namespace warren::host {
namespace {

constexpr std::size_t kForceForwarding =
    59;  // DEVCONF_FORCE_FORWARDING of linux/ipv6.h, newer than Debian 12's

HostLink small(const netlink::Link& link) {
  HostLink out;
  out.name = link.name;
  out.index = link.index, out.master = link.master, out.peer_index = link.peer_index;
  out.mtu = link.mtu, out.group = link.group, out.mac = link.mac;
  out.own = is_own(link);
  out.up = link.up, out.noarp = link.noarp, out.no_autoconf = link.no_autoconf;
  out.forwards4 = link.ipv4(IPV4_DEVCONF_FORWARDING) == 1;
  out.routes_localnet = link.ipv4(IPV4_DEVCONF_ROUTE_LOCALNET) == 1;
  out.hears_routers = link.ipv6(DEVCONF_ACCEPT_RA) != 0;
  out.forced_forwards6 = link.ipv6(kForceForwarding) == 1;
  return out;
}

Status read_links(netlink::Socket& route, HostView& view) {
  TRY(netlink::visit_links(
      route, [&] { view.links.clear(); },
      [&](const netlink::Link& link) { view.links.push_back(small(link)); }));
  std::ranges::sort(view.links, {}, &HostLink::name);
  return {};
}

using RouteKey = std::tuple<const Cidr&, const std::uint32_t&>;
RouteKey key(const HostRoute& route) { return {route.to, route.metric}; }

Status read_routes(netlink::Socket& route, bool ipv6, HostView& view) {
  for (const auto family : {Family::v4, Family::v6}) {
    if (family == Family::v6 && !ipv6) continue;
    const auto before = view.routes.size();
    TRY(netlink::visit_routes(
        route, family,
        [&] {
          view.routes.erase(view.routes.begin() + static_cast<std::ptrdiff_t>(before), view.routes.end());
        },
        [&](const netlink::Route& one) {
          if (one.dst) view.routes.push_back({*one.dst, one.metric, one.index, one.src, one.unreachable});
        }));
  }
  std::ranges::stable_sort(view.routes, {}, key);
  return {};
}

}  // namespace

const HostLink* HostView::link(const IfName& name) const {
  const auto found = std::ranges::lower_bound(links, name.str(), {}, &HostLink::name);
  return found != links.end() && found->name == name.str() ? &*found : nullptr;
}

const HostRoute* HostView::route(const Cidr& to, std::uint32_t metric) const {
  const RouteKey wanted(to, metric);
  const auto found = std::ranges::lower_bound(routes, wanted, {}, key);
  return found != routes.end() && key(*found) == wanted ? &*found : nullptr;
}

bool HostView::has_pin(const std::string& name) const { return std::ranges::binary_search(pins, name); }

Result<HostView> read_view(Kernel& kernel, bool ipv6) {
  auto& route = *TRY(kernel.route());
  HostView view;
  view.place = kernel.place();
  TRY(read_links(route, view));
  TRY(read_routes(route, ipv6, view));
  view.neighbours = TRY(netlink::dump_neighbours(route));
  std::ranges::sort(view.neighbours);
  view.addresses = TRY(netlink::dump_addresses(route));
  view.pins = TRY(sys::pinned_names(view.place));
  std::ranges::sort(view.pins);
  return view;
}

}  // namespace warren::host
