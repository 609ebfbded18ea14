// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/host.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "model/derive.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/sysctl.h"

namespace warren::host {
namespace {

using sys::Conf;
using sys::Sysctl;

constexpr int kLoIndex = 1;                        // on every Linux
constexpr std::uint32_t kPoolRouteMetric = 65000;  // behind anything that somebody puts there on purpose

Status add_uplink(netlink::Socket& route, int index, HostFacts& facts) {
  const auto link = TRY(netlink::get_link(route, index));
  if (!link) return {};
  const auto name = TRY(IfName::parse(link->name));
  facts.mtu = facts.uplinks.empty() ? link->mtu : std::min(facts.mtu, link->mtu);
  facts.uplinks.push_back(name);
  return {};
}

Status find_uplinks(netlink::Socket& route, const model::Settings& settings, HostFacts& facts) {
  if (settings.no_uplink) return {};
  if (settings.uplink) {
    const auto link = TRY(netlink::get_link(route, *settings.uplink));
    if (!link)
      return fail(Code::failed,
                  fmt::format("uplink '{}' does not exist: correct `uplink` in the configuration",
                              settings.uplink->str()));
    facts.uplinks = {*settings.uplink};
    facts.mtu = link->mtu;
    return {};
  }
  std::set<int> ways;
  for (const auto& far : {far4(), far6()})
    if (far.is_v4() || settings.ipv6)
      if (const auto index = TRY(netlink::route_interface(route, far)); index && *index != kLoIndex)
        if (ways.insert(*index).second) TRY(add_uplink(route, *index, facts));
  return {};
}

Status require_ipv6() {
  const auto off = TRY(sys::read_sysctl({Family::v6, Conf::disable_ipv6, "all"}));
  if (off && *off == 0) return {};
  return fail(
      Code::unsupported,
      off ? "IPv6 is off on this host (net.ipv6.conf.all.disable_ipv6 = 1): switch it on, or set ipv6 = "
            "false in /etc/warren/warren.toml"
          : "this kernel has no IPv6: set ipv6 = false in /etc/warren/warren.toml");
}

Status want(const Sysctl& sysctl, int value, std::vector<model::SysctlChange>& changes) {
  const auto now = TRY(sys::read_sysctl(sysctl));
  if (now && *now != value) changes.push_back({sysctl.key(), *now, value});
  return {};
}

/// Where only the switch for the whole host exists: every interface that listened to router advertisements
/// must go on doing so as a router, or the host loses its default route.
Status want_forwarding6_everywhere(netlink::Socket& route, std::vector<model::SysctlChange>& changes) {
  std::vector<std::string> names{"all"};
  for (const auto& link : TRY(netlink::dump_links(route)))
    if (link.group != model::kLinkGroup && link.group != model::kLeavingGroup) names.push_back(link.name);
  for (const auto& name : names) {
    const Sysctl accept{Family::v6, Conf::accept_ra, name};
    if (TRY(sys::read_sysctl(accept)) == 1) changes.push_back({accept.key(), 1, 2});
  }
  return want({Family::v6, Conf::forwarding, "all"}, 1, changes);
}

std::vector<IfName> forwarding_because_of_us(const std::map<std::string, int>& before, Family family,
                                             Conf conf, const HostFacts& facts) {
  std::vector<IfName> names;
  for (const auto& name : facts.uplinks) {
    const auto found = before.find(Sysctl::of(family, conf, name).key());
    if (found != before.end() && found->second == 0) names.push_back(name);
  }
  return names;
}

netlink::Route pool_route(const Cidr& pool) {
  netlink::Route route;
  route.family = pool.network().family();
  route.dst = pool;
  route.unreachable = true;
  route.metric = kPoolRouteMetric;
  return route;
}

/// Calls `address` or `route` with what the part consists of.
template <class A, class R>
void visit_part(model::HostPart part, const model::Settings& settings, A address, R route) {
  switch (part) {
    case model::HostPart::gateway4:
      address({kLoIndex, model::gateway4(settings), 32});
      break;
    case model::HostPart::gateway6:
      address({kLoIndex, model::gateway6(settings).value_or(Ip()), 128});
      break;
    case model::HostPart::pool_route4:
      route(pool_route(settings.pool));
      break;
    case model::HostPart::pool_route6:
      route(pool_route(settings.ula.value_or(Cidr())));
      break;
  }
}

}  // namespace

Ip far4() { return Ip::v4(0x01010101); }
Ip far6() { return Ip::v6({0x26, 0x06, 0x47, 0x00, 0x47, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11}); }

Result<HostFacts> read_host(netlink::Socket& route, const model::Settings& settings) {
  HostFacts facts;
  if (settings.ipv6) TRY(require_ipv6());
  TRY(find_uplinks(route, settings, facts));
  facts.forwarding4 = TRY(sys::read_sysctl({Family::v4, Conf::forwarding, "all"})) == 1;
  if (!settings.ipv6) return facts;
  facts.forwarding6 = TRY(sys::read_sysctl({Family::v6, Conf::forwarding, "all"})) == 1;
  facts.force6 = TRY(sys::read_sysctl({Family::v6, Conf::force_forwarding, "all"})).has_value();
  return facts;
}

Status require_uplink(const HostFacts& facts, const model::Settings& settings) {
  if (settings.no_uplink || !facts.uplinks.empty()) return {};
  return fail(Code::failed,
              "no uplink: the host has no default route; add one, or set uplink = \"IF\" (or \"none\") in "
              "/etc/warren/warren.toml");
}

Result<std::vector<model::SysctlChange>> pending_sysctls(netlink::Socket& route, const HostFacts& facts,
                                                         const model::Settings& settings,
                                                         const Originals& originals) {
  std::vector<model::SysctlChange> changes;
  if (!facts.forwarding4)
    for (const auto& name : facts.uplinks)
      TRY(want(Sysctl::of(Family::v4, Conf::forwarding, name), 1, changes));
  if (!settings.ipv6 || facts.uplinks.empty()) return changes;
  const bool ours = originals.values().contains(Sysctl{Family::v6, Conf::forwarding, "all"}.key());
  if (facts.forwarding6 && !ours) return changes;
  if (facts.force6)
    for (const auto& name : facts.uplinks)
      TRY(want(Sysctl::of(Family::v6, Conf::force_forwarding, name), 1, changes));
  else if (!facts.forwarding6)
    TRY(want_forwarding6_everywhere(route, changes));
  return changes;
}

Status change_sysctls(const std::vector<model::SysctlChange>& changes, Originals& originals) {
  if (changes.empty()) return {};
  TRY(originals.remember(changes));
  for (const auto& change : changes) {
    const auto sysctl = Sysctl::parse(change.key);
    if (!sysctl) return fail(Code::failed, "not a setting of ours: " + change.key);
    TRY_WRAP("set " + change.key, sys::write_sysctl(*sysctl, change.to));
  }
  return {};
}

nft::Rules make_rules(const HostFacts& facts, const model::Settings& settings, const Originals& originals,
                      const std::vector<model::SysctlChange>& pending) {
  auto before = originals.values();
  for (const auto& change : pending) before.emplace(change.key, change.from);
  nft::Rules rules;
  rules.group = model::kLinkGroup;
  rules.leaving_group = model::kLeavingGroup;
  rules.pool4 = settings.pool;
  rules.gateway4 = model::gateway4(settings);
  if (settings.ipv6) {
    rules.pool6 = settings.ula;
    rules.gateway6 = model::gateway6(settings);
  }
  rules.host_open = settings.host_access == model::HostAccess::all;
  rules.host_services = settings.host_services;
  rules.confine = settings.confine;
  rules.outside_only = settings.publish == model::Publish::outside_only;
  rules.conntrack_per_space = settings.conntrack_per_space;
  // Where somebody switched forwarding on for the whole host, what is not ours is none of our business.
  if (!facts.forwarding4)
    rules.guarded4 = forwarding_because_of_us(before, Family::v4, Conf::forwarding, facts);
  if (!facts.forwarding6)
    rules.guarded6 = forwarding_because_of_us(before, Family::v6, Conf::force_forwarding, facts);
  const auto switched = before.find(Sysctl{Family::v6, Conf::forwarding, "all"}.key());
  rules.guard_all6 = switched != before.end() && switched->second == 0;
  return rules;
}

std::vector<model::HostPart> all_host_parts(const model::Settings& settings) {
  using enum model::HostPart;
  if (!settings.ipv6) return {gateway4, pool_route4};
  return {gateway4, gateway6, pool_route4, pool_route6};
}

Status put_host_parts(netlink::Socket& route, const model::Settings& settings,
                      const std::vector<model::HostPart>& parts) {
  netlink::Batch batch;
  if (!parts.empty()) {
    netlink::LinkChange up;
    up.up = true;
    netlink::change_link(batch, *IfName::parse("lo"), up);
  }
  for (const auto part : parts)
    visit_part(
        part, settings, [&](const netlink::Address& address) { netlink::add_address(batch, address); },
        [&](const netlink::Route& way) { netlink::put_route(batch, way); });
  return TRY_WRAP("host", route.run(batch)), Status();
}

Status remove_host_parts(netlink::Socket& route, const model::Settings& settings) {
  netlink::Batch batch;
  for (const auto part : all_host_parts(settings))
    visit_part(
        part, settings, [&](const netlink::Address& address) { netlink::delete_address(batch, address); },
        [&](const netlink::Route& way) { netlink::delete_route(batch, way); });
  (void)TRY(route.run_all(batch));  // what is gone already is as it should be
  return {};
}

}  // namespace warren::host
