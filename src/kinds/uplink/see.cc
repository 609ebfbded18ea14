// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/see.h"

#include <algorithm>

#include "kinds/uplink/aspects.h"
#include "netlink/link.h"
#include "netlink/route.h"

namespace warren::uplink {
namespace {

using host::HostFacts;
using host::HostView;

/// What the inner end of the link is, as it is seen from inside.
struct Inner {
  int index = 0;
  int outer_index = 0;  ///< as the inner end tells it
};

/// Asks for single things in one send, which costs a fraction of what listing them does.
Inner look_at_links(netlink::Socket& socket, const model::Wiring& w, const HostFacts& facts, Parts& right) {
  Inner inner;
  netlink::Batch batch;
  netlink::query_link(batch, *IfName::parse("lo"));
  netlink::query_link(batch, w.inner);
  // What is refused is not there.
  (void)socket.run_all(batch, [&](const netlink::MessageView& message) {
    const auto link = netlink::parse_link(message);
    if (!link) return;
    if (link->name == "lo") return right.set(Part::lo_up, link->up);
    inner = {link->index, link->peer_index};
    right.set(Part::inner_mac, link->mac == w.inner_mac);
    right.set(Part::inner_up, link->up && link->noarp && link->no_autoconf);
    right.set(Part::mtu, link->mtu == facts.mtu);
  });
  return inner;
}

/// What one family has inside: its own address, the default route by the gateway, and the gateway's MAC.
struct FamilyParts {
  Part address, route, neighbour;
};

void look_at_family(netlink::Socket& socket, const Ip& own, const Ip& gateway, const Mac& mac,
                    FamilyParts parts, int inner, Parts& right) {
  netlink::Batch batch;
  netlink::query_way(batch, own);
  netlink::query_way(batch, own.is_v4() ? host::far4() : host::far6());
  netlink::query_neighbour(batch, inner, gateway);
  // What is refused is not there.
  (void)socket.run_all(batch, [&](const netlink::MessageView& message) {
    if (const auto way = netlink::parse_way(message)) {
      if (way->local)
        right.set(parts.address);
      else
        right.set(parts.route, way->index == inner && way->gateway == gateway);
    }
    if (const auto neighbour = netlink::parse_neighbour(message))
      right.set(parts.neighbour, neighbour->ip == gateway && neighbour->mac == mac);
  });
}

Inner look_inside(const kinds::Sight& sight, const model::Wiring& w, Parts& right) {
  right.set(Part::netns);
  auto& socket = *sight.inside;
  const auto inner = look_at_links(socket, w, sight.facts, right);
  if (inner.index == 0) return inner;
  look_at_family(socket, w.ip4, model::gateway4(sight.settings), w.outer_mac,
                 {Part::address4, Part::default4, Part::gateway_neighbour4}, inner.index, right);
  if (w.ip6)
    look_at_family(socket, *w.ip6, model::link_gateway6(), w.outer_mac,
                   {Part::address6, Part::default6, Part::gateway_neighbour6}, inner.index, right);
  return inner;
}

bool has_route(const HostView& view, const Ip& to, int index, const std::optional<Ip>& source) {
  // The kernel gives IPv6 routes the metric 1024 where none was asked for.
  const auto* found = view.route(Cidr(to, to.bits()), to.is_v4() ? 0U : 1024U);
  return found && found->index == index && found->src == source;
}

void look_at_outer(const host::HostLink& link, const model::Wiring& w, const HostFacts& facts, Parts& right) {
  right.set(Part::outer_mac, link.mac == w.outer_mac);
  right.set(Part::group, link.group == model::kLinkGroup);
  right.set(Part::outer_up, link.up && link.noarp && link.no_autoconf);
  right.set(Part::forwarding4, (facts.forwarding4 || link.forwards4) && link.routes_localnet);
  right.set(Part::forwarding6, !link.hears_routers && (!facts.force6 || link.forced_forwards6));
  if (link.mtu != facts.mtu) right.set(Part::mtu, false);
}

void look_at_host(const kinds::Sight& sight, const host::HostLink& link, const model::Wiring& w,
                  Parts& right) {
  const auto neighbour = [&](const Ip& ip) {
    return std::ranges::binary_search(sight.view.neighbours, netlink::Neighbour{link.index, ip, w.inner_mac});
  };
  const auto& settings = sight.settings;
  look_at_outer(link, w, sight.facts, right);
  right.set(Part::route4, has_route(sight.view, w.ip4, link.index, model::gateway4(settings)));
  right.set(Part::neighbour4, neighbour(w.ip4));
  if (!w.ip6) return;
  right.set(Part::route6, has_route(sight.view, *w.ip6, link.index, model::gateway6(settings)));
  right.set(Part::neighbour6, neighbour(*w.ip6));
}

}  // namespace

void see(const kinds::Sight& sight, const model::Space& space, kinds::ItemFacts out) {
  const auto w = model::wiring(space, sight.settings);
  Parts right;
  right.set(Part::has_pin, sight.view.has_pin(space.name.str()));
  const auto inner = sight.inside ? look_inside(sight, w, right) : Inner();
  if (const auto* link = space.uplink ? sight.view.link(w.outer) : nullptr) {
    right.set(Part::has_outer, link->own);
    right.set(Part::veth,
              inner.index != 0 && inner.outer_index == link->index && link->peer_index == inner.index);
    look_at_host(sight, *link, w, right);
  }
  if (space.state != model::State::up) right = right.common({Part::has_pin, Part::has_outer});
  out.add(0, right.bits());
}

}  // namespace warren::uplink
