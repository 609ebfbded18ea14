// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// What the nfnetlink families have in common. For the .cc files of this folder.

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <optional>

#include "netlink/batch.h"
#include "netlink/view.h"

namespace warren::netlink::nfnl {

struct NoAttributes;

constexpr std::uint16_t type(unsigned subsystem, unsigned message) {
  return static_cast<std::uint16_t>(subsystem << 8 | message);
}

inline nfgenmsg header(unsigned family) { return {static_cast<std::uint8_t>(family), NFNETLINK_V0, 0}; }

/// A 16- or 32-bit value that travels in network byte order.
inline std::optional<std::uint16_t> be16(const AttrView& attr) {
  const auto value = attr.as<std::uint16_t>();
  return value ? std::optional(ntohs(*value)) : std::nullopt;
}
inline std::optional<std::uint32_t> be32(const AttrView& attr) {
  const auto value = attr.as<std::uint32_t>();
  return value ? std::optional(ntohl(*value)) : std::nullopt;
}
inline std::optional<std::uint64_t> be64(const AttrView& attr) {
  const auto value = attr.as<std::uint64_t>();
  return value ? std::optional(be64toh(*value)) : std::nullopt;
}

}  // namespace warren::netlink::nfnl
