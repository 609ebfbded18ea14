// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/remedy.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <string_view>

#include "doctor/firewall.h"
#include "model/derive.h"

namespace warren::doctor {
namespace {

constexpr std::string_view kLinks = "veth_+";  // every host end, in the words of iptables

bool from_space(const Packet& packet) { return packet.iif_group == model::kLinkGroup; }

/// What an exception in the input chain is limited to: the rest of the host stays behind its firewall.
std::string iptables_service(const Drop& drop, const Packet& packet) {
  if (drop.hook != Hook::input || packet.reply) return {};
  if (packet.protocol == kIcmp4) return " -p icmp";
  if (packet.protocol == kIcmp6) return " -p ipv6-icmp";
  return fmt::format(" -p {} --dport {}", name(static_cast<Proto>(packet.protocol)), packet.dport);
}

std::string nft_service(const Drop& drop, const Packet& packet) {
  if (drop.hook != Hook::input || packet.reply) return {};
  if (packet.protocol == kIcmp4) return " icmp type echo-request";
  if (packet.protocol == kIcmp6) return " icmpv6 type echo-request";
  return fmt::format(" {} dport {}", name(static_cast<Proto>(packet.protocol)), packet.dport);
}

std::string iptables_tool(const Drop& drop) {
  const std::string tool = drop.family == NFPROTO_IPV6 ? "ip6tables" : "iptables";
  return drop.table == "filter" ? tool : tool + " -t " + drop.table;
}

std::string iptables(const Drop& drop, const Packet& packet) {
  return fmt::format("{} -I {} -m devgroup --{}-group {}{} -j ACCEPT", iptables_tool(drop), drop.path.front(),
                     from_space(packet) ? "src" : "dst", model::kLinkGroup, iptables_service(drop, packet));
}

/// Docker puts its own rules before all others again and again; what stands in DOCKER-USER it leaves alone.
std::string docker(const Drop& drop, const Packet& packet) {
  return fmt::format("{} -I DOCKER-USER -{} {} -j ACCEPT", iptables_tool(drop),
                     from_space(packet) ? 'i' : 'o', kLinks);
}

std::string ufw(const Drop& drop, const Packet& packet) {
  if (drop.hook == Hook::forward)
    return fmt::format("ufw route allow {} on {}", from_space(packet) ? "in" : "out", kLinks);
  const bool port = packet.protocol == static_cast<std::uint8_t>(Proto::tcp) ||
                    packet.protocol == static_cast<std::uint8_t>(Proto::udp);
  if (!port || packet.reply) return iptables(drop, packet);  // ufw has no rules for ICMP but in its files
  return fmt::format("ufw allow in on {} to any port {} proto {}", kLinks, packet.dport,
                     name(static_cast<Proto>(packet.protocol)));
}

std::vector<std::string> firewalld(const Packet& packet, const model::Settings& settings) {
  std::vector<std::string> commands;
  const auto add = [&](const Cidr& pool) {
    commands.push_back(fmt::format("firewall-cmd --permanent --zone=trusted --add-source={}", pool.str()));
  };
  if (packet.family == Family::v4)
    add(settings.pool);
  else if (settings.ula)
    add(*settings.ula);
  commands.emplace_back("firewall-cmd --reload");
  return commands;
}

/// A name as one word of a shell.
std::string quoted(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
  });
  if (plain) return text;
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'')
      word += "'\\''";
    else
      word += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return word + "'";
}

std::string nft(const Drop& drop, const Packet& packet) {
  return fmt::format("nft insert rule {} {} {} {} {}{} accept", family_name(drop.family), quoted(drop.table),
                     quoted(drop.path.front()), from_space(packet) ? "iifgroup" : "oifgroup",
                     model::kLinkGroup, nft_service(drop, packet));
}

}  // namespace

std::vector<std::string> remedy(const Drop& drop, const Packet& packet, const model::Settings& settings) {
  if (drop.path.empty()) return {};
  switch (drop.manager) {
    case Manager::iptables:
      return {iptables(drop, packet)};
    case Manager::docker:
      return {docker(drop, packet)};
    case Manager::ufw:
      return {ufw(drop, packet)};
    case Manager::firewalld:
      return firewalld(packet, settings);
    case Manager::nft:
      break;
  }
  return {nft(drop, packet)};
}

}  // namespace warren::doctor
