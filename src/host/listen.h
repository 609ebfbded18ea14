// SPDX-License-Identifier: GPL-2.0-or-later
// What the kernel tells of links and rules, as it happens, to whoever watches the host.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "netlink/link.h"
#include "netlink/socket.h"

namespace warren::host {

/// A socket that hears what these groups (RTNLGRP_*, NFNLGRP_*) tell of. Its queue is long, so that little is
/// lost of what a busy host says before it is read. Error: the kernel does not let us listen.
[[nodiscard]] Result<netlink::Socket> listen_to(int protocol, std::initializer_list<unsigned> groups);

/// A link that is new or has changed; or, `gone`, as it was in the end.
struct LinkNews {
  netlink::Link link;
  bool gone = false;
};
/// Nothing where the message is of something else.
[[nodiscard]] std::optional<LinkNews> link_news(const netlink::MessageView& message);

/// A change of the rules by a program that is not warren's.
struct ForeignChange {
  std::string by;          ///< "nft (PID 4711)"
  bool our_table = false;  ///< it touched table `inet warren`
};

/// Follows what NFNLGRP_NFTABLES tells. A transaction is told change by change, and in the end who made it.
class RulesListener {
 public:
  /// At the last message of a transaction what it was; nothing before, nor where warren itself made it.
  [[nodiscard]] std::optional<ForeignChange> take(const netlink::MessageView& message);

 private:
  bool our_table_ = false;  ///< touched by the transaction that is being told
};

}  // namespace warren::host
