// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// What an nft expression yields for a packet. For the .cc files of this folder.

#include <variant>

#include "doctor/ruleset.h"

namespace warren::doctor {

/// Flags of which not all are known.
struct Bits {
  std::uint64_t value = 0;
  std::uint64_t known = ~std::uint64_t{0};
};

/// One value; monostate: it cannot be told.
using Field = std::variant<std::monostate, std::uint64_t, std::string, Ip, Bits>;

/// The value of an expression, several for a concatenation. Absent: the packet has no such thing (the IPv4
/// source of an IPv6 packet), so that a rule which asks for it ends there.
struct Reading {
  bool absent = false;
  std::vector<Field> fields;
};

/// A packet at a hook.
struct View {
  const Packet& packet;
  Hook hook;
};

[[nodiscard]] Reading read_expression(const Json& expression, const View& view);

}  // namespace warren::doctor
