// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/listen.h"

#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "netlink/nft_dump.h"
#include "nft/table.h"

namespace warren::host {
namespace {

constexpr int kQueue = 8 << 20;          ///< what a busy firewall may say before it is read
constexpr std::uint16_t kTableName = 1;  ///< NFTA_TABLE_NAME, NFTA_RULE_TABLE and the others: all the same

/// The command, or the daemon that mends.
bool is_warren(std::string_view process) { return process == "warren" || process == "warrend"; }

bool names_our_table(const netlink::MessageView& message) {
  for (const auto& attr : message.attributes<nfgenmsg>())
    if (attr.type == kTableName && attr.text() == nft::kTable) return true;
  return false;
}

}  // namespace

Result<netlink::Socket> listen_to(int protocol, std::initializer_list<unsigned> groups) {
  auto socket = TRY(netlink::Socket::open(protocol));
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kQueue, sizeof kQueue);
  for (const auto group : groups) TRY(socket.join(group));
  return socket;
}

std::optional<LinkNews> link_news(const netlink::MessageView& message) {
  const bool gone = message.type == RTM_DELLINK;
  auto as_made = message;
  if (gone) as_made.type = RTM_NEWLINK;  // the same content
  auto link = netlink::parse_link(as_made);
  if (!link) return std::nullopt;
  return LinkNews{std::move(*link), gone};
}

std::optional<ForeignChange> RulesListener::take(const netlink::MessageView& message) {
  const auto change = netlink::parse_ruleset_change(message);
  if (!change) {
    our_table_ = our_table_ || names_our_table(message);
    return std::nullopt;
  }
  const bool our_table = std::exchange(our_table_, false);
  if (is_warren(change->process)) return std::nullopt;
  return ForeignChange{fmt::format("{} (PID {})", change->process, change->pid), our_table};
}

}  // namespace warren::host
