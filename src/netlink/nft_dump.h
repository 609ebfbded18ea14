// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netlink/nft_elements.h"
#include "netlink/socket.h"

namespace warren::netlink {

/// One element of an nft set, as the kernel holds it: fields padded to four bytes. Valid during the visit.
struct RawElement {
  std::span<const std::byte> key;
  std::span<const std::byte> key_end;  ///< of an interval, else empty
  std::span<const std::byte> data;     ///< of a map, else empty
  std::uint64_t packets = 0;           ///< of its counter
  std::uint64_t bytes = 0;
};

/// Visits every element of a set of table `inet TABLE`. Only what is asked for is read, never the whole
/// ruleset. Error not_found: no such table or set.
[[nodiscard]] Status dump_set(Socket& socket, const std::string& table, const std::string& set,
                              const std::function<void()>& start,
                              const std::function<void(const RawElement&)>& visit);

/// Visits, of the elements of a set of table `inet TABLE`, those with these keys, at a cost that does not
/// depend on what else is in it. A key that is not there is passed over. Of a set of intervals a key means
/// the interval that it lies in. Error: the kernel cannot be asked, or not all of its answers came.
[[nodiscard]] Status find_elements(Socket& socket, const std::string& table, const std::string& set,
                                   std::span<const FieldBytes> keys,
                                   const std::function<void(const RawElement&)>& visit);

/// A chain that hangs on a netfilter hook.
struct BaseChain {
  std::uint8_t family = 0;  ///< NFPROTO_*
  std::string table;
  std::string name;
  std::string type;        ///< "filter", "nat", "route"
  std::uint32_t hook = 0;  ///< NF_INET_*
  std::int32_t priority = 0;
  bool policy_drop = false;
};
/// The base chains of every table.
[[nodiscard]] Result<std::vector<BaseChain>> dump_base_chains(Socket& socket);

/// Is there a table of that name in family inet?
[[nodiscard]] Result<bool> has_table(Socket& socket, const std::string& table);

/// Has this table in family inet so many chains, all hooks of type nat, and in each of them one rule?
[[nodiscard]] bool has_one_rule_in_each(Socket& socket, const std::string& table, std::size_t chains);

/// Who changed the ruleset: from a notification of NFNLGRP_NFTABLES.
struct RulesetChange {
  std::uint32_t generation = 0;
  std::uint32_t pid = 0;
  std::string process;
};
[[nodiscard]] std::optional<RulesetChange> parse_ruleset_change(const MessageView& message);

}  // namespace warren::netlink
