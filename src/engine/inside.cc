// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/inside.h"

#include <algorithm>
#include <atomic>
#include <linux/netlink.h>
#include <thread>

#include "kinds/service/inner_table.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/netns.h"

namespace warren::engine {
namespace {

using model::Part;

/// Asks for single things in one send, which costs a fraction of what listing them does.
Status look_at_links(netlink::Socket& socket, const model::Wiring& w, const host::HostFacts& facts,
                     Inside& seen) {
  netlink::Batch batch;
  netlink::query_link(batch, *IfName::parse("lo"));
  netlink::query_link(batch, w.inner);
  (void)TRY(socket.run_all(batch, [&](const netlink::MessageView& message) {
    const auto link = netlink::parse_link(message);
    if (!link) return;
    if (link->name == "lo") return seen.right.set(Part::lo_up, link->up);
    seen.inner_index = link->index;
    seen.outer_index = link->peer_index;
    seen.right.set(Part::inner_mac, link->mac == w.inner_mac);
    seen.right.set(Part::inner_up, link->up && link->noarp && link->no_autoconf);
    seen.right.set(Part::mtu, link->mtu == facts.mtu);
  }));
  return {};
}

/// What one family has inside: its own address, the default route by the gateway, and the gateway's MAC.
struct FamilyParts {
  Part address, route, neighbour;
};

void look_at_family(netlink::Socket& socket, const Ip& own, const Ip& gateway, const Mac& mac,
                    FamilyParts parts, Inside& seen) {
  netlink::Batch batch;
  netlink::query_way(batch, own);
  netlink::query_way(batch, own.is_v4() ? host::far4() : host::far6());
  netlink::query_neighbour(batch, seen.inner_index, gateway);
  // What is refused is not there.
  (void)socket.run_all(batch, [&](const netlink::MessageView& message) {
    if (const auto way = netlink::parse_way(message)) {
      if (way->local)
        seen.right.set(parts.address);
      else
        seen.right.set(parts.route, way->index == seen.inner_index && way->gateway == gateway);
    }
    if (const auto neighbour = netlink::parse_neighbour(message))
      seen.right.set(parts.neighbour, neighbour->ip == gateway && neighbour->mac == mac);
  });
}

/// Leaves the calling thread in the space.
Status look(const model::Space& space, const model::Settings& settings, const host::HostFacts& facts,
            Inside& seen) {
  const auto netns = TRY(sys::open_netns(sys::pin_path(space.name)));
  seen.netns = true;
  TRY(sys::enter_netns(netns.get()));
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const auto w = model::wiring(space, settings);
  TRY(look_at_links(socket, w, facts, seen));
  seen.devices = TRY(device::look_at_devices(socket, space));
  if (seen.inner_index == 0) return {};
  look_at_family(socket, w.ip4, model::gateway4(settings), w.outer_mac,
                 {Part::address4, Part::default4, Part::gateway_neighbour4}, seen);
  if (w.ip6)
    look_at_family(socket, *w.ip6, model::link_gateway6(), w.outer_mac,
                   {Part::address6, Part::default6, Part::gateway_neighbour6}, seen);
  if (model::has_nat_services(settings))
    seen.right.set(Part::services, service::inner_table_is_right(space, settings));
  return {};
}

}  // namespace

std::vector<Inside> look_inside(const model::Desired& desired, const host::HostFacts& facts,
                                const std::vector<SpaceName>& only) {
  std::vector<Inside> all(desired.spaces.size());
  const auto wanted = [&](const model::Space& space) {
    return space.state == model::State::up &&
           (only.empty() || std::ranges::find(only, space.name) != only.end());
  };
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto i = next++; i < all.size(); i = next++)
      if (wanted(desired.spaces[i]))
        // What cannot be read is not right, and is put right: no error of its own.
        (void)look(desired.spaces[i], desired.settings, facts, all[i]);
  };
  const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
  std::vector<std::jthread> workers;
  const auto busy = only.empty() ? all.size() : only.size();
  for (std::size_t i = 0; i < std::min(threads, busy); ++i) workers.emplace_back(work);
  workers.clear();
  return all;
}

}  // namespace warren::engine
