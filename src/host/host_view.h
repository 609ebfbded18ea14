// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "netlink/link.h"
#include "netlink/route.h"

namespace warren::host {

/// The host's side, read once and looked up by space.
struct HostView {
  std::unordered_map<std::string, netlink::Link> links;
  std::map<std::pair<Cidr, std::uint32_t>, netlink::Route> routes;  // by destination and metric
  std::vector<netlink::Neighbour> neighbours;                       // sorted
  std::vector<netlink::Address> addresses;
  std::unordered_set<std::string> pins;

  [[nodiscard]] const netlink::Link* link(const IfName& name) const {
    const auto found = links.find(name.str());
    return found == links.end() ? nullptr : &found->second;
  }
};

}  // namespace warren::host
