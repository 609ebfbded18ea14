// SPDX-License-Identifier: GPL-2.0-or-later
// What the engine, which starts the DHCP client, and the hook that the client calls agree upon.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "types/ip.h"
#include "types/names.h"

namespace warren::dhcp {

inline constexpr const char* kSpace = "WARREN_SPACE";    ///< the space's name
inline constexpr const char* kLease = "WARREN_LEASE";    ///< a file for what the hook has set
inline constexpr const char* kMetric = "WARREN_METRIC";  ///< of the default route
inline constexpr const char* kPool = "WARREN_POOL";      ///< warren's own, which no server may touch

/// Where the name servers of a space stand, as ip-netns(8) has it. `etc`: "/etc", but for tests.
inline std::string resolv_path(const std::string& etc, const SpaceName& space) {
  return etc + "/netns/" + space.str() + "/resolv.conf";
}
/// The first line of a file that is ours to write.
inline std::string marker(const IfName& device) { return "# by warren, from DHCP on " + device.str() + "\n"; }

/// Why an address that a server offers is not taken, in words; empty: it is. `pool`: warren's own.
[[nodiscard]] std::string fault_of(const IpPrefix& address, const Cidr& pool);
/// The same of a router, which need not be in the network of the address.
[[nodiscard]] std::string fault_of(const Ip& router, const Cidr& pool);

/// What the hook has set on the device, and so what is to be undone; the text of its file.
struct Lease {
  std::optional<IpPrefix> address;
  std::optional<Ip> router;

  [[nodiscard]] static Lease parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  bool operator==(const Lease&) const = default;
};

}  // namespace warren::dhcp
