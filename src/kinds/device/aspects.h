// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "model/space.h"
#include "types/set_of.h"

namespace warren::device {

/// What a device consists of in the kernel.
enum class Part : std::uint8_t {
  link,       ///< it is there, of its kind, on its parent
  mac,        ///< its own
  up,         ///< and its parent is
  addresses,  ///< those given by hand, and no old ones
  gateways,   ///< default routes
  host_end,   ///< host end of a veth, or shim
  client,     ///< the DHCP client runs, or there is none and no lease of one
};
inline constexpr unsigned kPartCount = static_cast<unsigned>(Part::client) + 1;
using Parts = SetOf<Part>;

/// Those that a change of addresses puts right, while the link stays.
inline constexpr Parts kAddressParts{Part::addresses, Part::gateways, Part::client, Part::host_end};

/// Every part that this device has.
[[nodiscard]] Parts all_parts(const model::Device& device);
/// Do they differ in addresses at most? Such a change keeps the interface, and so its MAC.
[[nodiscard]] bool same_link(const model::Device& one, const model::Device& other);
/// What is wrong with the device when this part is missing, in words.
[[nodiscard]] std::string fault(Part part, const model::Space& space, const model::Device& device);

}  // namespace warren::device
