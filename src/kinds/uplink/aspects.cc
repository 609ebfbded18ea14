// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/aspects.h"

#include <fmt/format.h>

namespace warren::uplink {
namespace {

constexpr Parts kIpv6Parts{Part::forwarding6,        Part::address6, Part::default6,
                           Part::gateway_neighbour6, Part::route6,   Part::neighbour6};

}  // namespace

Parts all_parts(const model::Space& space, const model::Settings& settings) {
  if (!space.uplink) return {Part::netns, Part::lo_up};
  Parts parts;
  for (unsigned i = 0; i < kPartCount; ++i) parts.set(static_cast<Part>(i));
  return settings.ipv6 ? parts : parts.without(kIpv6Parts);
}

std::string fault(Part part, const model::Space& space, const model::Wiring& w) {
  const auto ip6 = w.ip6 ? w.ip6->str() : std::string();
  switch (part) {
    case Part::netns:
      return fmt::format("no namespace is pinned at /run/netns/{}", space.name.str());
    case Part::veth:
      return fmt::format("the link {} - {} is gone or not whole", w.outer.str(), w.inner.str());
    case Part::outer_mac:
      return fmt::format("{} does not have MAC {}", w.outer.str(), w.outer_mac.str());
    case Part::inner_mac:
      return fmt::format("{} does not have MAC {}", w.inner.str(), w.inner_mac.str());
    case Part::group:
      return fmt::format("{} is not in link group {}", w.outer.str(), model::kLinkGroup);
    case Part::mtu:
      return fmt::format("{} or {} does not have the uplink's MTU", w.outer.str(), w.inner.str());
    case Part::outer_up:
      return fmt::format("{} is not up, or uses ARP or autoconfiguration", w.outer.str());
    case Part::inner_up:
      return fmt::format("{} is not up, or uses ARP or autoconfiguration", w.inner.str());
    case Part::forwarding4:
      return fmt::format("IPv4 forwarding or route_localnet is off on {}", w.outer.str());
    case Part::forwarding6:
      return fmt::format("IPv6 forwarding is off on {}, or it takes router advertisements", w.outer.str());
    case Part::lo_up:
      return "lo is down inside";
    case Part::address4:
      return fmt::format("{} is not on {}", w.ip4.str(), w.inner.str());
    case Part::address6:
      return fmt::format("{} is not on {}", ip6, w.inner.str());
    case Part::default4:
      return "no IPv4 default route inside";
    case Part::default6:
      return "no IPv6 default route inside";
    case Part::gateway_neighbour4:
      return "the IPv4 gateway's MAC is not known inside";
    case Part::gateway_neighbour6:
      return "the IPv6 gateway's MAC is not known inside";
    case Part::route4:
      return fmt::format("the host has no route to {}", w.ip4.str());
    case Part::route6:
      return fmt::format("the host has no route to {}", ip6);
    case Part::neighbour4:
      return fmt::format("the host does not know the MAC of {}", w.ip4.str());
    case Part::neighbour6:
      return fmt::format("the host does not know the MAC of {}", ip6);
    case Part::has_pin:
    case Part::has_outer:
      break;
  }
  return {};
}

}  // namespace warren::uplink
