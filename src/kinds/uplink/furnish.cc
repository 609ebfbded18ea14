// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/furnish.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <linux/ip.h>
#include <optional>
#include <thread>

#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/sysctl.h"

namespace warren::uplink {
namespace {

using netlink::Batch;

constexpr int kAddressTries = 2500;  // half a second, on a machine that has much else to do
constexpr auto kAddressPause = std::chrono::microseconds(200);

bool any(Parts parts, std::initializer_list<Part> of) {
  return parts.without(parts.without(Parts(of))) != Parts();
}

netlink::LinkChange quiet() {
  netlink::LinkChange change;
  change.noarp = true;
  change.no_autoconf = true;
  return change;
}

void raise(Batch& batch, const IfName& name) {
  netlink::LinkChange change;
  change.up = true;
  netlink::change_link(batch, name, change);
}

/// In a message of its own: the kernel raises a link before it reads the settings of the same message, and
/// would give it a link-local address first.
void change_and_raise(Batch& batch, const IfName& name, const netlink::LinkChange& change) {
  netlink::change_link(batch, name, change);
  raise(batch, name);
}

/// Runs the batch and gives the index of the link, which it may have made.
Result<int> run_for_index(netlink::Socket& socket, Batch& batch, const IfName& name) {
  TRY(socket.run(batch));
  batch.clear();
  return netlink::link_index(socket, name);
}

Cidr exactly(const Ip& ip) { return {ip, ip.bits()}; }

netlink::Route default_route(Family family, int index, const Ip& gateway) {
  netlink::Route route;
  route.family = family;
  route.index = index;
  route.gateway = gateway;
  return route;
}

netlink::Route host_route(int index, const Ip& to, const Ip& source) {
  netlink::Route route;
  route.family = to.family();
  route.dst = exactly(to);
  route.index = index;
  route.src = source;
  return route;
}

/// In a message of its own, and first: below 1280 a link has no IPv6, and refuses what is said of that.
void set_mtu(Batch& batch, const Site& site, const IfName& name) {
  netlink::LinkChange change;
  change.mtu = site.facts.mtu;
  netlink::change_link(batch, name, change);
}

void inside_links(Batch& batch, const Site& site, Parts parts) {
  if (parts.has(Part::lo_up)) raise(batch, *IfName::parse("lo"));
  if (!any(parts, {Part::inner_up, Part::inner_mac, Part::mtu})) return;
  if (parts.has(Part::mtu)) set_mtu(batch, site, site.wiring.inner);
  auto change = quiet();
  if (parts.has(Part::inner_mac)) change.mac = site.wiring.inner_mac;
  change_and_raise(batch, site.wiring.inner, change);
}

void inside_addresses(Batch& batch, const Site& site, Parts parts, int index) {
  const auto& w = site.wiring;
  const auto gateway4 = model::gateway4(site.settings);
  if (parts.has(Part::address4)) netlink::add_address(batch, {index, w.ip4, 32});
  if (parts.has(Part::gateway_neighbour4)) netlink::put_neighbour(batch, {index, gateway4, w.outer_mac});
  if (parts.has(Part::default4)) netlink::put_route(batch, default_route(Family::v4, index, gateway4));
  if (!w.ip6) return;
  const auto gateway6 = model::link_gateway6();
  if (parts.has(Part::address6)) netlink::add_address(batch, {index, *w.ip6, 64});
  if (parts.has(Part::gateway_neighbour6)) netlink::put_neighbour(batch, {index, gateway6, w.outer_mac});
  if (parts.has(Part::default6)) netlink::put_route(batch, default_route(Family::v6, index, gateway6));
}

void outside_link(Batch& batch, const Site& site, Parts parts) {
  if (!any(parts, {Part::outer_up, Part::outer_mac, Part::mtu, Part::group, Part::forwarding4})) return;
  if (parts.has(Part::mtu)) set_mtu(batch, site, site.wiring.outer);
  auto change = quiet();
  // route_localnet lets the answer to a connection from 127.0.0.1 come home; the raw chain drops what else
  // would use it.
  change.ipv4_conf = {{IPV4_DEVCONF_FORWARDING, 1},
                      {IPV4_DEVCONF_ROUTE_LOCALNET, 1},
                      {IPV4_DEVCONF_ACCEPT_REDIRECTS, 0},
                      {IPV4_DEVCONF_SEND_REDIRECTS, 0}};
  if (parts.has(Part::outer_mac)) change.mac = site.wiring.outer_mac;
  if (parts.has(Part::group)) change.group = model::kLinkGroup;
  change_and_raise(batch, site.wiring.outer, change);
}

void outside_routes(Batch& batch, const Site& site, Parts parts, int index) {
  const auto& w = site.wiring;
  if (parts.has(Part::neighbour4)) netlink::put_neighbour(batch, {index, w.ip4, w.inner_mac});
  if (parts.has(Part::route4))
    netlink::put_route(batch, host_route(index, w.ip4, model::gateway4(site.settings)));
  if (w.ip6 && parts.has(Part::neighbour6)) netlink::put_neighbour(batch, {index, *w.ip6, w.inner_mac});
}

}  // namespace

Status connect(netlink::Socket& host, const Site& site, const rooms::Room& room) {
  Batch batch;
  const auto& w = site.wiring;
  netlink::create_veth(batch, {w.outer, w.inner, w.outer_mac, w.inner_mac, site.facts.mtu, model::kLinkGroup,
                               room.netns.get()});
  if (!w.outer_alt.empty()) netlink::add_altname(batch, w.outer, w.outer_alt);
  auto status = host.run(batch);
  if (!status && status.error().code == Code::unsupported)
    return fail(Code::unsupported, "kernel lacks veth: " + status.error().what);
  return status;
}

Status check_adopted(rooms::Room& room) {
  for (const auto family : {Family::v4, Family::v6}) {
    const auto routes = TRY(netlink::dump_routes(room.socket, family));
    if (std::ranges::any_of(routes, [](const auto& route) { return !route.dst && !route.unreachable; }))
      return fail(Code::exists,
                  fmt::format("the namespace has a default IPv{} route already: delete that first",
                              family == Family::v4 ? 4 : 6));
  }
  return {};
}

Status furnish_inside(rooms::Room& room, const Site& site, Parts parts) {
  Batch batch;
  inside_links(batch, site, parts);
  if (!site.space.uplink) return room.socket.run(batch);
  const int index = TRY(run_for_index(room.socket, batch, site.wiring.inner));
  inside_addresses(batch, site, parts, index);
  if (parts.has(Part::veth) && !site.wiring.inner_alt.empty())
    netlink::add_altname(batch, site.wiring.inner, site.wiring.inner_alt);
  return room.socket.run(batch);
}

Status settle_inside(rooms::Room& room, const Site& site, Parts parts) {
  if (!any(parts, {Part::inner_up, Part::outer_up})) return {};
  return TRY(netlink::get_link(room.socket, site.wiring.inner)), Status();
}

void await_address6(rooms::Room& room, const Site& site) {
  if (!site.wiring.ip6) return;
  Batch batch;
  netlink::query_way(batch, *site.wiring.ip6);
  bool own = false;
  for (int i = 0; i < kAddressTries && !own; ++i) {
    if (i != 0) std::this_thread::sleep_for(kAddressPause);
    (void)room.socket.run_all(batch, [&](const netlink::MessageView& message) {
      const auto way = netlink::parse_way(message);
      own = way && way->local;
    });
  }
}

Result<int> furnish_outside(netlink::Socket& host, const Site& site, Parts parts) {
  Batch batch;
  outside_link(batch, site, parts);
  const int index = TRY(run_for_index(host, batch, site.wiring.outer));
  outside_routes(batch, site, parts, index);
  TRY(host.run(batch));
  return index;
}

Status switch_forwarding6(const Site& site) {
  using sys::Conf;
  const auto write = [&](Conf conf, int value) {
    return sys::write_sysctl(sys::Sysctl::of(Family::v6, conf, site.wiring.outer), value);
  };
  TRY(write(Conf::accept_ra, 0));
  if (site.facts.force6) return write(Conf::force_forwarding, 1);
  return {};
}

void route6(Batch& batch, const Site& site, int index) {
  const auto gateway6 = model::gateway6(site.settings);
  if (site.wiring.ip6 && gateway6) netlink::put_route(batch, host_route(index, *site.wiring.ip6, *gateway6));
}

}  // namespace warren::uplink
