// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/dhcp.h"

namespace warren::dhcp {

Lease Lease::parse(std::string_view text) {
  Lease lease;
  const auto end = text.find('\n');
  if (const auto address = IpPrefix::parse(text.substr(0, end))) lease.address = *address;
  if (end == text.npos) return lease;
  if (const auto router = Ip::parse(text.substr(end + 1))) lease.router = *router;
  return lease;
}

std::string Lease::str() const {
  return (address ? address->str() : std::string()) + "\n" + (router ? router->str() : std::string());
}

}  // namespace warren::dhcp
