// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/xtables.h"

#include <cstring>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_devgroup.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netlink.h>

#include "doctor/ruleset.h"

namespace warren::doctor {
namespace {

struct RuleScope;
constexpr netlink::Attr<RuleScope, NFTA_RULE_TABLE, std::string_view> kRuleTable;

/// A match or target as the kernel holds it.
struct Xt {
  bool match = false;
  std::string name;
  std::uint32_t revision = 0;
  std::vector<std::byte> info;

  template <class T>
  [[nodiscard]] std::optional<T> as() const {
    T value;
    if (info.size() < sizeof value) return std::nullopt;
    std::memcpy(&value, info.data(), sizeof value);
    return value;
  }
};
using XtByRule = std::map<std::uint64_t, std::vector<Xt>>;

Json make_match(const char* op, Json left, Json right) {
  return {{"match", {{"op", op}, {"left", std::move(left)}, {"right", std::move(right)}}}};
}
Json meta(const char* key) { return {{"meta", {{"key", key}}}}; }

Json conntrack_state(unsigned mask, bool inverted) {
  return make_match(inverted ? "!" : "in", {{"ct", {{"key", "xtables-state"}}}}, mask);
}

/// xt_conntrack: state only; addresses, ports and the rest stay unread. The place of what is read is the same
/// since revision 1, but for the width of the masks.
std::vector<Json> conntrack(const Xt& xt) {
  unsigned mask = 0, flags = 0, inverted = 0;
  if (const auto info = xt.as<xt_conntrack_mtinfo2>(); info && xt.revision >= 2)
    mask = info->state_mask, flags = info->match_flags, inverted = info->invert_flags;
  if ((flags & ~unsigned{XT_CONNTRACK_STATE_ALIAS}) != XT_CONNTRACK_STATE) return {};
  return {conntrack_state(mask, inverted & XT_CONNTRACK_STATE)};
}

std::vector<Json> devgroup(const Xt& xt) {
  const auto info = xt.as<xt_devgroup_info>();
  if (!info) return {};
  std::vector<Json> matches;
  const auto add = [&](const char* key, std::uint32_t group, std::uint32_t mask, bool inverted) {
    matches.push_back(make_match(inverted ? "!=" : "==", {{"&", Json::list({meta(key), mask})}}, group));
  };
  if (info->flags & XT_DEVGROUP_MATCH_SRC)
    add("iifgroup", info->src_group, info->src_mask, info->flags & XT_DEVGROUP_INVERT_SRC);
  if (info->flags & XT_DEVGROUP_MATCH_DST)
    add("oifgroup", info->dst_group, info->dst_mask, info->flags & XT_DEVGROUP_INVERT_DST);
  return matches;
}

/// The kernel's types are bits; nft's are the numbers of those bits (RTN_*).
std::vector<Json> addrtype(const Xt& xt) {
  const auto info = xt.as<xt_addrtype_info_v1>();
  if (!info || xt.revision != 1) return {};
  if (info->flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT)) return {};
  std::vector<Json> matches;
  const auto add = [&](const char* which, unsigned bits, bool inverted) {
    Json types = Json::array();
    for (unsigned type = 0; type < 16; ++type)
      if (bits & (1U << type)) types.push_back(type);
    matches.push_back(
        make_match(inverted ? "!=" : "==", {{"fib", {{"result", "type"}, {"flags", Json::list({which})}}}},
                   {{"set", std::move(types)}}));
  };
  if (info->source) add("saddr", info->source, info->flags & XT_ADDRTYPE_INVERT_SOURCE);
  if (info->dest) add("daddr", info->dest, info->flags & XT_ADDRTYPE_INVERT_DEST);
  return matches;
}

std::vector<Json> multiport(const Xt& xt) {
  const auto info = xt.as<xt_multiport_v1>();
  if (!info || xt.revision != 1 || info->count > XT_MULTI_PORTS || info->flags == XT_MULTIPORT_EITHER)
    return {};
  Json ports = Json::array();
  for (unsigned i = 0; i < info->count; ++i) {
    const bool range = info->pflags[i] && i + 1U < info->count;
    ports.push_back(range ? Json{{"range", Json::list({info->ports[i], info->ports[i + 1U]})}}
                          : Json(info->ports[i]));
    if (range) ++i;
  }
  const auto* field = info->flags == XT_MULTIPORT_SOURCE ? "sport" : "dport";
  return {make_match(info->invert ? "!=" : "==", {{"payload", {{"protocol", "th"}, {"field", field}}}},
                     {{"set", std::move(ports)}})};
}

/// ipt_icmp and ip6t_icmp: type, first and last code, flags.
std::vector<Json> icmp(const Xt& xt, const char* protocol) {
  if (xt.info.size() < 4) return {};
  const auto type = std::to_integer<unsigned>(xt.info[0]);
  const bool inverted = std::to_integer<unsigned>(xt.info[3]) & 1U;
  if (std::to_integer<unsigned>(xt.info[1]) != 0) return {};  // the echo that is asked about has code 0
  return {
      make_match(inverted ? "!=" : "==", {{"payload", {{"protocol", protocol}, {"field", "type"}}}}, type)};
}

std::vector<Json> rpfilter(const Xt& xt) {
  const auto info = xt.as<xt_rpfilter_info>();
  if (!info) return {};
  return {make_match("==", {{"fib", {{"result", "oif"}, {"flags", Json::list({"saddr", "iif"})}}}},
                     !(info->flags & XT_RPFILTER_INVERT))};
}

std::vector<Json> translate(const Xt& xt) {
  if (xt.name == "conntrack") return conntrack(xt);
  if (xt.name == "devgroup") return devgroup(xt);
  if (xt.name == "addrtype") return addrtype(xt);
  if (xt.name == "multiport") return multiport(xt);
  if (xt.name == "rpfilter") return rpfilter(xt);
  if (xt.name == "icmp") return icmp(xt, "icmp");
  if (xt.name == "icmp6") return icmp(xt, "icmpv6");
  return {};
}

std::optional<Xt> read_expression(const netlink::AttrView& expression) {
  Xt xt;
  std::span<const std::byte> data;
  for (const auto& part : netlink::AttrRange(expression.payload)) {
    if (part.type == NFTA_EXPR_NAME) {
      xt.match = part.text() == "match";
      if (!xt.match && part.text() != "target") return std::nullopt;
    }
    if (part.type == NFTA_EXPR_DATA) data = part.payload;
  }
  // Matches and targets number their attributes alike.
  for (const auto& field : netlink::AttrRange(data)) {
    if (field.type == NFTA_MATCH_NAME) xt.name = field.text();
    if (field.type == NFTA_MATCH_REV) xt.revision = be32toh(field.as<std::uint32_t>().value_or(0));
    if (field.type == NFTA_MATCH_INFO) xt.info.assign(field.payload.begin(), field.payload.end());
  }
  return xt.name.empty() ? std::nullopt : std::optional(std::move(xt));
}

void read_rule(const netlink::MessageView& message, XtByRule& rules) {
  std::uint64_t handle = 0;
  std::vector<Xt> found;
  for (const auto& attr : message.attributes<nfgenmsg>()) {
    if (attr.type == NFTA_RULE_HANDLE) handle = be64toh(attr.as<std::uint64_t>().value_or(0));
    if (attr.type != NFTA_RULE_EXPRESSIONS) continue;
    for (const auto& expression : netlink::AttrRange(attr.payload))
      if (auto xt = read_expression(expression)) found.push_back(std::move(*xt));
  }
  if (!found.empty()) rules[handle] = std::move(found);
}

Result<XtByRule> dump_xtables(netlink::Socket& nf, std::uint8_t family, const std::string& table) {
  netlink::Batch batch;
  batch
      .add<RuleScope>(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP,
                      nfgenmsg{family, NFNETLINK_V0, 0}, "list the rules of an nft table")
      .put(kRuleTable, std::string_view(table.c_str(), table.size() + 1));
  XtByRule rules;
  TRY(nf.dump(
      batch, [&] { rules.clear(); },
      [&](const netlink::MessageView& message) { read_rule(message, rules); }));
  return rules;
}

std::size_t count_xtables(const Json& statements) {
  std::size_t count = 0;
  for (const auto& statement : statements.items()) count += member(statement, "xt") ? 1 : 0;
  return count;
}

void rewrite(Rule& rule, const std::vector<Xt>& known) {
  if (count_xtables(rule.statements) != known.size()) return;
  Json statements = Json::array();
  std::size_t next = 0;
  for (auto& statement : rule.statements.items()) {
    if (!member(statement, "xt")) {
      statements.push_back(std::move(statement));
      continue;
    }
    const auto& xt = known[next++];
    const auto matches = xt.match ? translate(xt) : std::vector<Json>{};
    for (const auto& match : matches) statements.push_back(match);
    if (matches.empty())
      statements.push_back({{"xt", {{"type", xt.match ? "match" : "target"}, {"name", xt.name}}}});
  }
  rule.statements = std::move(statements);
}

}  // namespace

Status translate_xtables(netlink::Socket& nf, std::uint8_t family, const std::string& table,
                         Ruleset& ruleset) {
  std::size_t count = 0;
  for (const auto& [name, rules] : ruleset.content().chains)
    for (const auto& rule : rules) count += count_xtables(rule.statements);
  if (count == 0) return {};
  const auto known = TRY(dump_xtables(nf, family, table));
  for (auto& [name, rules] : ruleset.content().chains)
    for (auto& rule : rules)
      if (const auto found = known.find(rule.handle); found != known.end()) rewrite(rule, found->second);
  return {};
}

}  // namespace warren::doctor
