// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/place.h"
#include "host/kernel.h"
#include "netlink/link.h"
#include "netlink/route.h"

namespace warren::host {

/// What kinds ask of a link of the host. Small, for there is one for each space, and they are read anew by
/// each `check`.
struct HostLink {
  std::string name;
  int index = 0;
  int master = 0;      ///< index of the bridge or bond that it is a port of
  int peer_index = 0;  ///< as netlink::Link has it
  std::uint32_t mtu = 0;
  std::uint32_t group = 0;
  Mac mac;
  bool own = false;  ///< is_own()
  bool up = false;
  bool noarp = false;
  bool no_autoconf = false;
  bool forwards4 = false;         ///< net.ipv4.conf.LINK.forwarding
  bool routes_localnet = false;   ///< net.ipv4.conf.LINK.route_localnet
  bool hears_routers = false;     ///< net.ipv6.conf.LINK.accept_ra
  bool forced_forwards6 = false;  ///< net.ipv6.conf.LINK.force_forwarding
};

/// A route of the host's main table to less than everything.
struct HostRoute {
  Cidr to;
  std::uint32_t metric = 0;
  int index = 0;          ///< interface; 0 for an unreachable route
  std::optional<Ip> src;  ///< preferred source
  bool unreachable = false;
};

/// The host's side, read once and looked up by space. All but the addresses are sorted.
struct HostView {
  Place place;                    // where what is noted of it is kept
  std::vector<HostLink> links;    // by name
  std::vector<HostRoute> routes;  // by destination and metric
  std::vector<netlink::Neighbour> neighbours;
  std::vector<netlink::Address> addresses;
  std::vector<std::string> pins;

  /// Null where there is none.
  [[nodiscard]] const HostLink* link(const IfName& name) const;
  [[nodiscard]] const HostRoute* route(const Cidr& to, std::uint32_t metric) const;
  [[nodiscard]] bool has_pin(const std::string& name) const;
};

/// Error: the kernel cannot be asked, or the pins cannot be read.
[[nodiscard]] Result<HostView> read_view(Kernel& kernel, bool ipv6);

}  // namespace warren::host
