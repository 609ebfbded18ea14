// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "model/derive.h"
#include "types/set_of.h"

namespace warren::uplink {

/// What a space consists of in the kernel: its namespace, and the link that leads out of it.
enum class Part : std::uint8_t {
  netns,  ///< its namespace, pinned under its name
  veth,   ///< both ends of its link, each where it belongs
  outer_mac,
  inner_mac,
  group,     ///< the host end is in the link group
  mtu,       ///< both ends have the uplink's
  outer_up,  ///< up, NOARP, no autoconfiguration
  inner_up,
  forwarding4,  ///< of the host end, with route_localnet
  forwarding6,  ///< of the host end, with no router advertisements taken
  lo_up,
  address4,
  address6,
  default4,  ///< default route inside
  default6,
  gateway_neighbour4,  ///< the gateway's MAC, known inside
  gateway_neighbour6,
  route4,  ///< host route to the space
  route6,
  neighbour4,  ///< the space's MAC, known on the host
  neighbour6,
  // Never wanted as such: they tell that something is there, right or not.
  has_pin,    ///< a file with its name is under /run/netns
  has_outer,  ///< a link has the name of its host end
};
inline constexpr unsigned kPartCount = static_cast<unsigned>(Part::neighbour6) + 1;
using Parts = SetOf<Part>;

/// Every part that this space has under these settings.
[[nodiscard]] Parts all_parts(const model::Space& space, const model::Settings& settings);
/// What is wrong when this part is missing or not as it should be, in words.
[[nodiscard]] std::string fault(Part part, const model::Space& space, const model::Wiring& wiring);

}  // namespace warren::uplink
