// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/firewall.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <linux/netfilter.h>

#include "doctor/xtables.h"
#include "nft/table.h"

namespace warren::doctor {
namespace {

/// The kernel takes any text as a name, nft reads only these; anything else must not become part of a
/// command.
bool plain_name(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/';
  };
  return !name.empty() && (std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
         std::all_of(name.begin(), name.end(), allowed);
}

bool is_ours(const netlink::BaseChain& chain) {
  return chain.family == NFPROTO_INET && chain.table == nft::kTable;
}

bool meets(const netlink::BaseChain& chain, Hook hook, const Packet& packet) {
  if (is_ours(chain) || chain.type == "nat" || chain.hook != static_cast<std::uint32_t>(hook)) return false;
  if (chain.family == NFPROTO_INET) return true;
  return chain.family == (packet.family == Family::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

/// The base chains that iptables makes, by its own names.
bool of_iptables(const netlink::BaseChain& chain) {
  static constexpr std::array<std::string_view, 4> kTables{"filter", "mangle", "raw", "security"};
  static constexpr std::array<std::string_view, 5> kChains{"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                                           "POSTROUTING"};
  return (chain.family == NFPROTO_IPV4 || chain.family == NFPROTO_IPV6) &&
         std::find(kTables.begin(), kTables.end(), chain.table) != kTables.end() &&
         chain.hook < kChains.size() && chain.name == kChains[chain.hook];
}

Manager manager_of(const netlink::BaseChain& chain, const Ruleset& table) {
  if (chain.table == "firewalld") return Manager::firewalld;
  if (!of_iptables(chain)) return Manager::nft;
  if (chain.hook == NF_INET_FORWARD && table.has_chain("DOCKER-USER")) return Manager::docker;
  const bool filters = chain.hook == NF_INET_FORWARD || chain.hook == NF_INET_LOCAL_IN;
  if (filters && (table.has_chain_like("ufw-") || table.has_chain_like("ufw6-"))) return Manager::ufw;
  return Manager::iptables;
}

}  // namespace

std::string_view family_name(std::uint8_t family) {
  switch (family) {
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_INET:
      return "inet";
    default:
      return "";
  }
}

Result<Firewall> Firewall::look(netlink::Socket& nf, nft::Runner& runner) {
  return Firewall(nf, runner, TRY_WRAP("list the chains of other tables", netlink::dump_base_chains(nf)));
}

const Ruleset& Firewall::table(const netlink::BaseChain& chain) {
  const auto key = std::pair(chain.family, chain.table);
  if (const auto found = tables_.find(key); found != tables_.end()) return found->second;
  auto ruleset = Ruleset::unreadable();
  if (plain_name(chain.table)) {
    const auto text =
        runner_->list_json(fmt::format("list table {} {}", family_name(chain.family), chain.table));
    if (text) ruleset = Ruleset::parse(*text);
    // Without the translation the matches of iptables count as unknown, which is true then.
    if (ruleset.readable()) (void)translate_xtables(*nf_, chain.family, chain.table, ruleset);
  }
  return tables_.emplace(key, std::move(ruleset)).first->second;
}

std::vector<Drop> Firewall::drops(Hook hook, const Packet& packet) {
  std::vector<Drop> all;
  for (const auto& chain : chains_) {
    if (!meets(chain, hook, packet)) continue;
    const auto& ruleset = table(chain);
    auto drop = evaluate(ruleset, {chain.name, hook, chain.policy_drop}, packet);
    if (!drop) continue;
    drop->family = chain.family;
    drop->table = chain.table;
    drop->priority = chain.priority;
    drop->manager = manager_of(chain, ruleset);
    all.push_back(std::move(*drop));
  }
  return all;
}

bool Firewall::has_table(std::uint8_t family, std::string_view table) const {
  return std::any_of(chains_.begin(), chains_.end(),
                     [&](const auto& chain) { return chain.family == family && chain.table == table; });
}

Result<std::vector<Drop>> foreign_drops(netlink::Socket& nf, nft::Runner& runner, Hook hook,
                                        const Packet& packet) {
  auto firewall = TRY(Firewall::look(nf, runner));
  return firewall.drops(hook, packet);
}

}  // namespace warren::doctor
