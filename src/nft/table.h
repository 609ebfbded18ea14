// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "types/element.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren::nft {

inline constexpr std::string_view kTable =
    "warren";  ///< in family inet; ours alone, nobody else's is touched

/// What the rules of table `inet warren` depend on. Spaces and forwards are elements, never rules.
struct Rules {
  std::uint32_t group = 0;          ///< link group of the spaces' host ends
  std::uint32_t leaving_group = 0;  ///< of those about to be deleted: nothing passes
  Cidr pool4;  ///< what lies in the pools is known to be on our links, and comes from nowhere else
  std::optional<Cidr> pool6;
  Ip gateway4;
  std::optional<Ip> gateway6;
  bool host_open = false;                 ///< spaces reach every service of the host
  std::vector<ProtoPort> host_services;   ///< else these, and ICMP echo
  bool confine = false;                   ///< members' UIDs send nothing from the host's own namespace
  bool outside_only = false;              ///< no space reaches another's forwards
  std::uint32_t conntrack_per_space = 0;  ///< 0: no cap
  std::vector<IfName>
      guarded4;  ///< interfaces that forward only because of us: to and from spaces, nothing else
  std::vector<IfName> guarded6;
  bool guard_all6 = false;  ///< the same where only the switch for the whole host exists

  bool operator==(const Rules&) const = default;
};

/// Name of a set or map in the table: "forwards4", "sources6", ...
[[nodiscard]] std::string set_name(SetId set, Family family);

/// The whole table without elements, as text for nft: it replaces the one that stands, atomically.
[[nodiscard]] std::string table_text(const Rules& rules);
/// Removes the table, whether it stands or not.
[[nodiscard]] std::string remove_text();
/// "add element ..." for all of them, a statement a set: for a table that is replaced with all that it holds.
/// Single changes take the short way of netlink/nft_elements.h.
[[nodiscard]] std::string add_text(std::span<const Element> elements);

}  // namespace warren::nft
