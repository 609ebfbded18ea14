// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "types/ip.h"
#include "types/port.h"

namespace warren::doctor {

/// Where a netfilter chain hangs; the values are NF_INET_*.
enum class Hook : std::uint32_t { prerouting = 0, input = 1, forward = 2, output = 3, postrouting = 4 };

inline constexpr std::uint8_t kIcmp4 = 1;
inline constexpr std::uint8_t kIcmp6 = 58;

/// A packet as a firewall sees it: the first of a connection, or an answer. ICMP is an echo.
struct Packet {
  Family family = Family::v4;
  std::string iif;  ///< empty: none (yet)
  std::string oif;
  std::uint32_t iif_group = 0;
  std::uint32_t oif_group = 0;
  Ip src;
  Ip dst;
  std::uint8_t protocol = static_cast<std::uint8_t>(Proto::tcp);
  Port sport = 0;  ///< 0: any, so that no match on it is certain
  Port dport = 0;
  bool dnat = false;   ///< its connection was translated to another destination
  bool reply = false;  ///< goes the other way, and its connection is established
};

}  // namespace warren::doctor
