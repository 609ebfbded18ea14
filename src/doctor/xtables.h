// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "doctor/evaluate.h"
#include "netlink/socket.h"

namespace warren::doctor {

/// iptables writes what nft has no words for (conntrack, addrtype, devgroup, ...) as opaque matches into its
/// nft tables, and the JSON of libnftables tells only their names. This reads them from the kernel and puts
/// the same condition in the words of nft in their place; what it does not know stays as it is. `nf`:
/// NETLINK_NETFILTER.
[[nodiscard]] Status translate_xtables(netlink::Socket& nf, std::uint8_t family, const std::string& table,
                                       Ruleset& ruleset);

}  // namespace warren::doctor
