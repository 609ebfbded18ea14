// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/inside.h"

#include <linux/netlink.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/netns.h"

namespace warren::apply {
namespace {

using model::Part;

template <class T>
bool contains(const std::vector<T>& all, const T& wanted) {
  return std::ranges::find(all, wanted) != all.end();
}

bool has_default(const std::vector<netlink::Route>& routes, int index, const Ip& gateway) {
  return std::ranges::any_of(routes, [&](const netlink::Route& route) {
    return !route.dst && route.index == index && route.gateway == gateway;
  });
}

Status look_at_links(netlink::Socket& socket, const model::Wiring& w, const HostFacts& facts, Inside& seen) {
  for (const auto& link : TRY(netlink::dump_links(socket))) {
    if (link.name == "lo") seen.right.set(Part::lo_up, link.up);
    if (link.name != w.inner.str()) continue;
    seen.inner_index = link.index;
    seen.outer_index = link.peer_index;
    seen.right.set(Part::inner_mac, link.mac == w.inner_mac);
    seen.right.set(Part::inner_up, link.up && link.noarp && link.no_autoconf);
    seen.right.set(Part::mtu, link.mtu == facts.mtu);
  }
  return {};
}

Status look_at_addresses(netlink::Socket& socket, const model::Settings& settings, const model::Wiring& w,
                         Inside& seen) {
  const int index = seen.inner_index;
  const auto addresses = TRY(netlink::dump_addresses(socket));
  const auto neighbours = TRY(netlink::dump_neighbours(socket));
  const auto gateway4 = model::gateway4(settings);
  seen.right.set(Part::address4, contains(addresses, {index, w.ip4, 32}));
  seen.right.set(Part::gateway_neighbour4, contains(neighbours, {index, gateway4, w.outer_mac}));
  const auto routes4 = TRY(netlink::dump_routes(socket, Family::v4));
  seen.right.set(Part::default4, has_default(routes4, index, gateway4));
  if (!w.ip6) return {};
  const auto gateway6 = model::link_gateway6();
  seen.right.set(Part::address6, contains(addresses, {index, *w.ip6, 64}));
  seen.right.set(Part::gateway_neighbour6, contains(neighbours, {index, gateway6, w.outer_mac}));
  const auto routes6 = TRY(netlink::dump_routes(socket, Family::v6));
  seen.right.set(Part::default6, has_default(routes6, index, gateway6));
  return {};
}

/// Leaves the calling thread in the space.
Status look(const model::Space& space, const model::Settings& settings, const HostFacts& facts, Inside& seen) {
  const auto netns = TRY(sys::open_netns(sys::pin_path(space.name)));
  seen.netns = true;
  TRY(sys::enter_netns(netns.get()));
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const auto w = model::wiring(space, settings);
  TRY(look_at_links(socket, w, facts, seen));
  if (seen.inner_index == 0) return {};
  return look_at_addresses(socket, settings, w, seen);
}

}  // namespace

std::vector<Inside> look_inside(const model::Desired& desired, const HostFacts& facts) {
  std::vector<Inside> all(desired.spaces.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto i = next++; i < all.size(); i = next++)
      if (desired.spaces[i].state == model::State::up)
        // What cannot be read is not right, and is put right: no error of its own.
        (void)look(desired.spaces[i], desired.settings, facts, all[i]);
  };
  const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < std::min(threads, all.size()); ++i) workers.emplace_back(work);
  workers.clear();
  return all;
}

}  // namespace warren::apply
