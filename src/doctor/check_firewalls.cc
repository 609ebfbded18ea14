// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <map>
#include <tuple>

#include "doctor/checks.h"
#include "doctor/firewall.h"
#include "doctor/remedy.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "sys/file.h"

namespace warren::doctor {
namespace {

using Level = Finding::Level;

constexpr std::uint8_t kTcp = static_cast<std::uint8_t>(Proto::tcp);

/// A way that packets take; what goes wrong is told in these words.
struct Way {
  std::string what;
  std::vector<Hook> hooks;
  Packet packet;
};

/// The ends of the ways, in one family.
struct Places {
  Family family;
  std::string link;    // a space's host end
  std::string uplink;  // empty: none
  std::uint32_t uplink_group;
  Ip space;
  Ip gateway;
  Ip world;
};

Packet from_space(const Places& places, const Ip& dst, std::uint8_t protocol, Port dport) {
  Packet packet;
  packet.family = places.family;
  packet.iif = places.link;
  packet.iif_group = model::kLinkGroup;
  packet.src = places.space;
  packet.dst = dst;
  packet.protocol = protocol;
  const bool echo = protocol == kIcmp4 || protocol == kIcmp6;
  packet.sport = echo ? Port{0} : Port{50000};
  packet.dport = dport;
  return packet;
}

Packet answer_to(Packet packet) {
  std::swap(packet.iif, packet.oif);
  std::swap(packet.iif_group, packet.oif_group);
  std::swap(packet.src, packet.dst);
  std::swap(packet.sport, packet.dport);
  packet.reply = true;
  return packet;
}

void add_world(std::vector<Way>& ways, const Places& places) {
  if (places.uplink.empty()) return;
  auto out = from_space(places, places.world, kTcp, 443);
  ways.push_back({"from spaces to the world", {Hook::prerouting}, out});
  out.oif = places.uplink;
  out.oif_group = places.uplink_group;
  ways.push_back({"from spaces to the world", {Hook::forward, Hook::postrouting}, out});
  ways.push_back({"answers of the world to spaces", {Hook::forward, Hook::postrouting}, answer_to(out)});
  auto reply = from_space(places, places.world, kTcp, 50000);
  reply.sport = 8080;
  reply.oif = places.uplink;
  reply.oif_group = places.uplink_group;
  auto in = answer_to(reply);
  in.dnat = reply.dnat = true;
  in.reply = false;
  reply.reply = true;
  ways.push_back({"from the world to forwards of spaces", {Hook::forward, Hook::postrouting}, in});
  ways.push_back({"answers of spaces to the world", {Hook::forward, Hook::postrouting}, reply});
}

void add_host(std::vector<Way>& ways, const Places& places, const model::Settings& settings) {
  const auto icmp = places.family == Family::v4 ? kIcmp4 : kIcmp6;
  const auto echo = from_space(places, places.gateway, icmp, 0);
  ways.push_back({"from spaces to the host (ICMP echo)", {Hook::prerouting, Hook::input}, echo});
  auto answer = answer_to(echo);
  answer.iif.clear();
  ways.push_back({"answers of the host to spaces", {Hook::output, Hook::postrouting}, answer});
  for (const auto& service : settings.host_services)
    ways.push_back(
        {fmt::format("from spaces to the host's {}", service.str()),
         {Hook::input},
         from_space(places, places.gateway, static_cast<std::uint8_t>(service.proto), service.port)});
}

/// What was found of one base chain, over all the ways.
struct Group {
  Drop drop;
  std::vector<std::string> ways;
  std::vector<std::string> remedies;
};
using Groups = std::map<std::tuple<std::uint8_t, std::string, std::string, bool>, Group>;

void add_once(std::vector<std::string>& all, const std::string& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

void look_at(const Way& way, Firewall& firewall, const model::Settings& settings, Groups& groups) {
  for (const auto hook : way.hooks)
    for (const auto& drop : firewall.drops(hook, way.packet)) {
      auto& group = groups[{drop.family, drop.table, drop.path.front(), !drop.certain}];
      if (group.ways.empty()) group.drop = drop;
      const auto* version = way.packet.family == Family::v4 ? "IPv4" : "IPv6";
      add_once(group.ways, fmt::format("{} ({})", way.what, version));
      for (const auto& command : remedy(drop, way.packet, settings)) add_once(group.remedies, command);
    }
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

Finding finding_of(Group& group) {
  const auto& drop = group.drop;
  auto what = fmt::format("table {} {}, chain {}, '{}' {} packets {}", family_name(drop.family), drop.table,
                          joined(drop.path, " > "), drop.rule, drop.certain ? "drops" : "may drop",
                          joined(group.ways, ", "));
  if (!drop.unless.empty()) what += fmt::format(", unless '{}' accepts them first", drop.unless);
  // A reload belongs after all that it is to load.
  std::stable_partition(group.remedies.begin(), group.remedies.end(),
                        [](const std::string& command) { return !command.ends_with("--reload"); });
  return {drop.certain ? Level::problem : Level::advice, "firewall", std::move(what),
          std::move(group.remedies)};
}

/// The word for a space in which nobody lives: number 2, which has addresses under any settings.
Places places_of(Family family, const Context& context, std::uint32_t uplink_group) {
  const auto& settings = context.settings;
  const bool v4 = family == Family::v4;
  auto ula = settings;  // one that is not made yet: any will do
  if (!ula.ula) ula.ula = *Cidr::parse("fd00::/48");
  return {family,
          context.our_links.empty() ? "veth_any_o" : context.our_links.front(),
          context.uplink ? context.uplink->str() : "",
          uplink_group,
          v4 ? model::address4(settings, kFirstNumber) : *model::address6(ula, kFirstNumber),
          v4 ? model::gateway4(settings) : *model::gateway6(ula),
          *Ip::parse(v4 ? "1.1.1.1" : "2606:4700:4700::1111")};
}

Result<std::uint32_t> group_of(const std::optional<IfName>& interface) {
  if (!interface) return 0;
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const auto link = TRY(netlink::get_link(socket, *interface));
  return link ? link->group : 0;
}

}  // namespace

Result<std::vector<Finding>> check_firewalls(const Context& context) {
  auto socket = TRY(netlink::Socket::open(NETLINK_NETFILTER));
  auto runner = TRY(nft::Runner::open());
  auto firewall = TRY(Firewall::look(socket, runner));
  const auto uplink_group = TRY(group_of(context.uplink));
  Groups groups;
  for (const auto family : {Family::v4, Family::v6}) {
    if (family == Family::v6 && !context.settings.ipv6) continue;
    std::vector<Way> ways;
    const auto places = places_of(family, context, uplink_group);
    add_world(ways, places);
    add_host(ways, places, context.settings);
    for (const auto& way : ways) look_at(way, firewall, context.settings, groups);
  }
  std::vector<Finding> findings;
  for (auto& [key, group] : groups) findings.push_back(finding_of(group));
  if (findings.empty())
    findings.push_back({Level::ok, "firewall", "no other table drops packets of the spaces", {}});
  return findings;
}

std::vector<Finding> check_legacy_iptables() {
  std::vector<Finding> findings;
  for (const auto* version : {"ip", "ip6"}) {
    auto tables = sys::read_file(fmt::format("/proc/net/{}_tables_names", version));
    if (!tables || tables->empty()) continue;
    std::replace(tables->begin(), tables->end(), '\n', ' ');
    tables->pop_back();
    findings.push_back(
        {Level::advice,
         "iptables-legacy",
         fmt::format("{}tables-legacy has tables ({}), whose rules are not seen here", version, *tables),
         {fmt::format("{}tables-legacy-save", version)}});
  }
  return findings;
}

}  // namespace warren::doctor
