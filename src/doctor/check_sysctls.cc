// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <set>

#include "doctor/checks.h"
#include "netlink/route.h"
#include "sys/file.h"
#include "sys/sysctl.h"

namespace warren::doctor {
namespace {

using Level = Finding::Level;
using sys::Conf;
using sys::Sysctl;

Result<int> value_of(const Sysctl& sysctl) { return TRY(sys::read_sysctl(sysctl)).value_or(0); }

/// A default route by router advertisement, from /proc/net/ipv6_route: there alone the kernel tells the flag.
bool has_advertised_default(const IfName& uplink) {
  constexpr unsigned long kAddrconf = 0x40000;  // RTF_ADDRCONF
  const auto text = sys::read_file("/proc/net/ipv6_route", 64 << 20);
  if (!text) return false;
  for (std::size_t begin = 0; begin < text->size();) {
    const auto end = std::min(text->find('\n', begin), text->size());
    const auto line = std::string_view(*text).substr(begin, end - begin);
    begin = end + 1;
    // destination(32) length(2) source(32) length(2) gateway(32) metric(8) references(8) use(8) flags(8)
    // interface
    if (line.size() < 141 || !line.starts_with("00000000000000000000000000000000 00 ")) continue;
    unsigned long flags = 0;
    const auto digits = line.substr(132, 8);
    std::from_chars(digits.data(), digits.data() + digits.size(), flags, 16);
    const auto name = line.substr(line.find_last_of(' ') + 1);
    if ((flags & kAddrconf) && name == uplink.str()) return true;
  }
  return false;
}

/// Interfaces of the default routes.
Result<std::set<int>> default_interfaces(Family family) {
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  std::set<int> indices;
  for (const auto& route : TRY(netlink::dump_routes(socket, family)))
    if (!route.dst && !route.unreachable) indices.insert(route.index);
  return indices;
}

Finding forwarding_finding(Family family, const Context& context, const Sysctl& sysctl, bool on) {
  const auto* version = family == Family::v4 ? "IPv4" : "IPv6";
  if (on)
    return {
        Level::ok, "forwarding", fmt::format("{} is on for uplink {}", version, context.uplink->str()), {}};
  if (context.our_links.empty())
    return {Level::ok,
            "forwarding",
            fmt::format("{} is off ({} = 0), which is right while no space is up", version, sysctl.key()),
            {}};
  return {Level::problem,
          "forwarding",
          fmt::format("{} = 0: {} from uplink {} does not reach the {} spaces that are up", sysctl.key(),
                      version, context.uplink->str(), context.our_links.size()),
          {"warren up"}};
}

/// The host as a whole may stay as it is: what counts is the uplink.
Result<Finding> check_forwarding4(const Context& context) {
  const auto own = Sysctl::of(Family::v4, Conf::forwarding, *context.uplink);
  return forwarding_finding(Family::v4, context, own, TRY(value_of(own)) != 0);
}

/// IPv6 has one switch for all interfaces, and since Linux 6.17 one for each that stands above it.
Result<Finding> check_forwarding6(const Context& context) {
  const Sysctl all{Family::v6, Conf::forwarding, "all"};
  const auto forced = TRY(sys::read_sysctl(Sysctl::of(Family::v6, Conf::force_forwarding, *context.uplink)));
  return forwarding_finding(Family::v6, context, all, TRY(value_of(all)) != 0 || forced.value_or(0) != 0);
}

Result<Finding> check_accept_ra(const Context& context) {
  const auto ra = Sysctl::of(Family::v6, Conf::accept_ra, *context.uplink);
  const auto forwarding = Sysctl::of(Family::v6, Conf::forwarding, *context.uplink);
  const auto value = TRY(value_of(ra));
  if (value != 1 || TRY(value_of(forwarding)) == 0)
    return Finding{Level::ok, "accept_ra", fmt::format("{} = {} fits", ra.key(), value), {}};
  const bool advertised = has_advertised_default(*context.uplink);
  const bool other = !TRY(default_interfaces(Family::v6)).empty();
  if (other && !advertised)
    return Finding{Level::ok,
                   "accept_ra",
                   fmt::format("{} = 1, but the IPv6 default route is not by advertisement", ra.key()),
                   {}};
  return Finding{
      advertised ? Level::problem : Level::advice,
      "accept_ra",
      fmt::format("{} = 1 with {} = 1: router advertisements are ignored and the IPv6 default route {}",
                  ra.key(), forwarding.key(), advertised ? "will expire" : "is missing"),
      {fmt::format("sysctl -w {}=2", ra.key())}};
}

Result<Finding> check_rp_filter(const Context& context) {
  const auto own = Sysctl::of(Family::v4, Conf::rp_filter, *context.uplink);
  const int value = std::max(TRY(value_of(own)), TRY(value_of({Family::v4, Conf::rp_filter, "all"})));
  const auto routes = TRY(default_interfaces(Family::v4)).size();
  if (value != 1 || routes < 2)
    return Finding{Level::ok, "rp_filter", fmt::format("{} on uplink {}", value, context.uplink->str()), {}};
  return Finding{
      Level::advice,
      "rp_filter",
      fmt::format("{} is strict (1) with default routes over {} interfaces: what comes in by another one "
                  "than answers leave by is dropped",
                  own.key(), routes),
      {fmt::format("sysctl -w {}=2", own.key())}};
}

Result<Finding> check_route_localnet(const Context& context) {
  for (const auto& interface : {std::string("all"), context.uplink->str()}) {
    const auto value = TRY(sys::read_number("net/ipv4/conf/" + interface + "/route_localnet"));
    if (value.value_or(0) == 0) continue;
    // sysctl(8) writes a dot in an interface's name as a slash, as Sysctl::key does.
    auto key = Sysctl{Family::v4, Conf::forwarding, interface}.key();
    key.replace(key.rfind('.'), std::string::npos, ".route_localnet");
    return Finding{Level::advice,
                   "route_localnet",
                   fmt::format("{} = {}: neighbours on {} can reach what listens on 127.0.0.1 only", key,
                               *value, interface == "all" ? "every interface" : "the uplink " + interface),
                   {fmt::format("sysctl -w {}=0", key)}};
  }
  return Finding{Level::ok, "route_localnet", fmt::format("off on uplink {}", context.uplink->str()), {}};
}

}  // namespace

Result<std::vector<Finding>> check_sysctls(const Context& context) {
  if (!context.uplink) return std::vector<Finding>{};
  std::vector<Finding> findings;
  findings.push_back(TRY(check_forwarding4(context)));
  if (context.settings.ipv6) {
    findings.push_back(TRY(check_forwarding6(context)));
    findings.push_back(TRY(check_accept_ra(context)));
  }
  findings.push_back(TRY(check_rp_filter(context)));
  findings.push_back(TRY(check_route_localnet(context)));
  return findings;
}

}  // namespace warren::doctor
