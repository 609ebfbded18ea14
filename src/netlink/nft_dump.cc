// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nft_dump.h"

#include <netinet/in.h>  // before the kernel's own, which then leaves these types out

#include <algorithm>
#include <chrono>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <map>
#include <thread>

#include "netlink/nfnl.h"
#include "netlink/nft_attributes.h"

namespace warren::netlink {
namespace {

struct TableScope;
struct RuleScope;
constexpr Attr<RuleScope, NFTA_RULE_TABLE, std::string_view> kRuleTable;
constexpr Attr<TableScope, NFTA_TABLE_NAME, std::string_view> kTableName;

// A set that has grown is moved to a larger hash in the background, and the kernel does not say when a dump
// ran into that. Then some elements come twice, and as many not at all.
constexpr int kSetTries = 100;
constexpr auto kSetPause = std::chrono::milliseconds(2);

constexpr auto nft_type = [](unsigned message) { return nfnl::type(NFNL_SUBSYS_NFTABLES, message); };

std::span<const std::byte> value_of(const AttrView& attr) {
  for (const auto& inner : AttrRange(attr.payload))
    if (inner.type == NFTA_DATA_VALUE) return inner.payload;
  return {};
}

void read_counter(RawElement& element, const AttrView& expression) {
  for (const auto& part : AttrRange(expression.payload)) {
    if (part.type == NFTA_EXPR_NAME && part.text() != "counter") return;
    if (part.type != NFTA_EXPR_DATA) continue;
    for (const auto& field : AttrRange(part.payload)) {
      if (field.type == NFTA_COUNTER_PACKETS) element.packets = nfnl::be64(field).value_or(0);
      if (field.type == NFTA_COUNTER_BYTES) element.bytes = nfnl::be64(field).value_or(0);
    }
  }
}

RawElement read_element(const AttrView& attr) {
  RawElement element;
  for (const auto& part : AttrRange(attr.payload)) {
    if (part.type == NFTA_SET_ELEM_KEY) element.key = value_of(part);
    if (part.type == NFTA_SET_ELEM_KEY_END) element.key_end = value_of(part);
    if (part.type == NFTA_SET_ELEM_DATA) element.data = value_of(part);
    if (part.type == NFTA_SET_ELEM_EXPR) read_counter(element, part);
    if (part.type == NFTA_SET_ELEM_EXPRESSIONS)
      for (const auto& expression : AttrRange(part.payload)) read_counter(element, expression);
  }
  return element;
}

void each_element(const MessageView& message, const std::function<void(const RawElement&)>& visit) {
  for (const auto& attr : message.attributes<nfgenmsg>()) {
    if (attr.type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    for (const auto& element : AttrRange(attr.payload)) visit(read_element(element));
  }
}

std::size_t hash_of(const RawElement& element) {
  const auto hash = [](std::span<const std::byte> bytes) {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  return hash(element.key) ^ hash(element.key_end) << 1;
}

void read_hook(BaseChain& chain, const AttrView& attr) {
  for (const auto& part : AttrRange(attr.payload)) {
    if (part.type == NFTA_HOOK_HOOKNUM) chain.hook = nfnl::be32(part).value_or(0);
    if (part.type == NFTA_HOOK_PRIORITY)
      chain.priority = static_cast<std::int32_t>(nfnl::be32(part).value_or(0));
  }
}

std::optional<BaseChain> parse_chain(const MessageView& message) {
  const auto header = message.header<nfgenmsg>();
  if (!header || message.type != nft_type(NFT_MSG_NEWCHAIN)) return std::nullopt;
  BaseChain chain;
  chain.family = header->nfgen_family;
  bool base = false;
  for (const auto& attr : message.attributes<nfgenmsg>()) {
    switch (attr.type) {
      case NFTA_CHAIN_TABLE:
        chain.table = attr.text();
        break;
      case NFTA_CHAIN_NAME:
        chain.name = attr.text();
        break;
      case NFTA_CHAIN_TYPE:
        chain.type = attr.text();
        break;
      case NFTA_CHAIN_POLICY:
        chain.policy_drop = nfnl::be32(attr) == NF_DROP;
        break;
      case NFTA_CHAIN_HOOK:
        base = true;
        read_hook(chain, attr);
        break;
      default:
        break;
    }
  }
  return base ? std::optional(chain) : std::nullopt;
}

}  // namespace

Status dump_set(Socket& socket, const std::string& table, const std::string& set,
                const std::function<void()>& start, const std::function<void(const RawElement&)>& visit) {
  Batch batch;
  batch
      .add<ListScope>(nft_type(NFT_MSG_GETSETELEM), NLM_F_DUMP, nfnl::header(NFPROTO_INET), "list an nft set")
      .put(kListTable, with_zero(table))
      .put(kListSet, with_zero(set));
  std::vector<std::size_t> seen;
  for (int i = 0; i < kSetTries; ++i) {
    if (i != 0) std::this_thread::sleep_for(kSetPause);
    TRY(socket.dump(
        batch, [&] { start(), seen.clear(); },
        [&](const MessageView& message) {
          each_element(message, [&](const RawElement& element) {
            seen.push_back(hash_of(element));
            visit(element);
          });
        }));
    std::ranges::sort(seen);
    if (std::ranges::adjacent_find(seen) == seen.end()) return {};
  }
  return fail(Code::failed, "list an nft set: the kernel is still moving its elements");
}

Status find_elements(Socket& socket, const std::string& table, const std::string& set,
                     std::span<const FieldBytes> keys, const std::function<void(const RawElement&)>& visit) {
  Batch batch;
  for (const auto& key : keys) {
    // A request for each: the kernel ends one at the first key that is not there.
    auto request = batch.add<ListScope>(nft_type(NFT_MSG_GETSETELEM), 0, nfnl::header(NFPROTO_INET),
                                        "find in an nft set");
    request.put(kListTable, with_zero(table)).put(kListSet, with_zero(set));
    auto list = request.nest(kElements);
    auto element = list.nest(kElement);
    element.nest(kKey).put(kValue, key.bytes());
  }
  for (auto& refused :
       TRY(socket.run_all(batch, [&](const MessageView& message) { each_element(message, visit); })))
    if (refused.error.code != Code::not_found) return std::unexpected(std::move(refused.error));
  return {};
}

Result<std::vector<BaseChain>> dump_base_chains(Socket& socket) {
  Batch batch;
  (void)batch.add<nfnl::NoAttributes>(nft_type(NFT_MSG_GETCHAIN), NLM_F_DUMP, nfnl::header(NFPROTO_UNSPEC),
                                      "list the nft chains");
  std::vector<BaseChain> chains;
  TRY(socket.dump(
      batch, [&] { chains.clear(); },
      [&](const MessageView& message) {
        if (auto chain = parse_chain(message)) chains.push_back(std::move(*chain));
      }));
  return chains;
}

bool has_one_rule_in_each(Socket& socket, const std::string& table, std::size_t chains) {
  std::map<std::string, int, std::less<>> rules;
  const auto hooked = dump_base_chains(socket);
  if (!hooked) return false;
  for (const auto& chain : *hooked)
    if (chain.table == table && chain.family == NFPROTO_INET && chain.type == "nat") rules[chain.name] = 0;
  Batch batch;
  batch
      .add<RuleScope>(nft_type(NFT_MSG_GETRULE), NLM_F_DUMP, nfnl::header(NFPROTO_INET), "list the nft rules")
      .put(kRuleTable, with_zero(table));
  const auto start = [&] {
    for (auto& [chain, count] : rules) count = 0;
  };
  const auto listed = socket.dump(batch, start, [&](const MessageView& message) {
    std::string_view of, chain;
    for (const auto& attr : message.attributes<nfgenmsg>()) {
      if (attr.type == NFTA_RULE_TABLE) of = attr.text();
      if (attr.type == NFTA_RULE_CHAIN) chain = attr.text();
    }
    if (of == table) ++rules[std::string(chain)];
  });
  return listed && rules.size() == chains &&
         std::ranges::all_of(rules, [](const auto& chain) { return chain.second == 1; });
}

Result<bool> has_table(Socket& socket, const std::string& table) {
  Batch batch;
  batch.add<TableScope>(nft_type(NFT_MSG_GETTABLE), 0, nfnl::header(NFPROTO_INET), "find the nft table")
      .put(kTableName, with_zero(table));
  const auto status = socket.run(batch);
  if (!status && status.error().code == Code::not_found) return false;
  if (!status) return std::unexpected(status.error());
  return true;
}

std::optional<RulesetChange> parse_ruleset_change(const MessageView& message) {
  if (message.type != nft_type(NFT_MSG_NEWGEN)) return std::nullopt;
  RulesetChange change;
  for (const auto& attr : message.attributes<nfgenmsg>()) {
    if (attr.type == NFTA_GEN_ID) change.generation = nfnl::be32(attr).value_or(0);
    if (attr.type == NFTA_GEN_PROC_PID) change.pid = nfnl::be32(attr).value_or(0);
    if (attr.type == NFTA_GEN_PROC_NAME) change.process = attr.text();
  }
  return change;
}

}  // namespace warren::netlink
