// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/observe.h"

#include <algorithm>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "engine/inside.h"
#include "host/host_view.h"
#include "host/links.h"
#include "host/table.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/netns.h"

namespace warren::engine {
namespace {

using model::Part;

constexpr std::size_t kForceForwarding =
    59;  // DEVCONF_FORCE_FORWARDING of linux/ipv6.h, newer than Debian 12's

Status read_routes(netlink::Socket& route, Family family, host::HostView& view) {
  for (auto& entry : TRY(netlink::dump_routes(route, family)))
    if (entry.dst) view.routes.emplace(std::pair(*entry.dst, entry.metric), entry);
  return {};
}

Result<host::HostView> read_view(netlink::Socket& route, bool ipv6) {
  host::HostView view;
  for (auto& link : TRY(netlink::dump_links(route))) {
    auto name = link.name;
    view.links.emplace(std::move(name), std::move(link));
  }
  TRY(read_routes(route, Family::v4, view));
  if (ipv6) TRY(read_routes(route, Family::v6, view));
  view.neighbours = TRY(netlink::dump_neighbours(route));
  std::ranges::sort(view.neighbours);
  view.addresses = TRY(netlink::dump_addresses(route));
  for (auto& name : TRY(sys::pinned_names())) view.pins.insert(std::move(name));
  return view;
}

bool has_route(const host::HostView& view, const Ip& to, int index, const std::optional<Ip>& source) {
  // The kernel gives IPv6 routes the metric 1024 where none was asked for.
  const auto found = view.routes.find({Cidr(to, to.bits()), to.is_v4() ? 0U : 1024U});
  return found != view.routes.end() && found->second.index == index && found->second.src == source;
}

void look_at_outer(const netlink::Link& link, const model::Wiring& w, const host::HostFacts& facts,
                   model::Parts& right) {
  right.set(Part::outer_mac, link.mac == w.outer_mac);
  right.set(Part::group, link.group == model::kLinkGroup);
  right.set(Part::outer_up, link.up && link.noarp && link.no_autoconf);
  right.set(Part::forwarding4, (facts.forwarding4 || link.ipv4(IPV4_DEVCONF_FORWARDING) == 1) &&
                                   link.ipv4(IPV4_DEVCONF_ROUTE_LOCALNET) == 1);
  right.set(Part::forwarding6,
            link.ipv6(DEVCONF_ACCEPT_RA) == 0 && (!facts.force6 || link.ipv6(kForceForwarding) == 1));
  if (link.mtu != facts.mtu) right.set(Part::mtu, false);
}

model::ObservedSpace look_at_space(const host::HostView& view, const model::Desired& desired,
                                   const model::Space& space, const host::HostFacts& facts,
                                   const Inside& inside) {
  const auto w = model::wiring(space, desired.settings);
  model::ObservedSpace seen;
  seen.pin_exists = view.pins.contains(space.name.str());
  seen.right = inside.right;
  seen.right.set(Part::netns, inside.netns);
  for (std::size_t i = 0; i < inside.devices.size(); ++i)
    seen.devices.push_back(judge(space, space.devices[i], inside.devices[i], view));
  if (!space.uplink) return seen;
  const auto found = view.links.find(w.outer.str());
  seen.outer_exists = found != view.links.end();
  if (!seen.outer_exists) return seen;
  const auto& link = found->second;
  const auto neighbour = [&](const Ip& ip) {
    return std::ranges::binary_search(view.neighbours, netlink::Neighbour{link.index, ip, w.inner_mac});
  };
  seen.right.set(Part::veth, inside.inner_index != 0 && inside.outer_index == link.index &&
                                 link.peer_index == inside.inner_index);
  look_at_outer(link, w, facts, seen.right);
  seen.right.set(Part::route4, has_route(view, w.ip4, link.index, model::gateway4(desired.settings)));
  seen.right.set(Part::neighbour4, neighbour(w.ip4));
  if (!w.ip6) return seen;
  seen.right.set(Part::route6, has_route(view, *w.ip6, link.index, model::gateway6(desired.settings)));
  seen.right.set(Part::neighbour6, neighbour(*w.ip6));
  return seen;
}

bool host_part_stands(const host::HostView& view, const model::Settings& settings, model::HostPart part) {
  const auto on_lo = [&](const std::optional<Ip>& ip) {
    return std::ranges::any_of(view.addresses, [&](const auto& a) { return a.index == 1 && a.ip == ip; });
  };
  const auto routed = [&](const std::optional<Cidr>& pool) {
    return pool && std::ranges::any_of(view.routes, [&](const auto& entry) {
             return entry.first.first == *pool && entry.second.unreachable;
           });
  };
  switch (part) {
    case model::HostPart::gateway4:
      return on_lo(model::gateway4(settings));
    case model::HostPart::gateway6:
      return on_lo(model::gateway6(settings));
    case model::HostPart::pool_route4:
      return routed(settings.pool);
    case model::HostPart::pool_route6:
      return routed(settings.ula);
  }
  return false;
}

/// What a space has on the host: its host end, and what was made for its devices.
void add_known(const model::Space& space, const model::Settings& settings,
               std::unordered_set<std::string>& known) {
  if (space.uplink) known.insert(model::wiring(space, settings).outer.str());
  for (const auto& device : space.devices) {
    if (device.kind == model::DeviceKind::veth || device.shim)
      known.insert(model::host_link(space.number, device).str());
    if (model::has_own_base(device)) known.insert(model::base_link(device).str());
  }
}

std::vector<std::string> stray_links(const host::HostView& view, const model::Desired& desired) {
  std::unordered_set<std::string> known;
  for (const auto& space : desired.spaces) add_known(space, desired.settings, known);
  std::vector<std::string> strays;
  for (const auto& [name, link] : view.links)
    if (host::is_own(link) && !known.contains(name)) strays.push_back(name);
  std::ranges::sort(strays);
  return strays;
}

}  // namespace

Result<model::Observed> observe(host::Kernel& kernel, const model::Desired& desired,
                                const host::HostFacts& facts, const host::Originals& originals,
                                const std::vector<SpaceName>& only) {
  auto& route = *TRY(kernel.route());
  const auto view = TRY(read_view(route, desired.settings.ipv6));
  const auto insides = look_inside(desired, facts, only);
  model::Observed seen;
  for (std::size_t i = 0; i < desired.spaces.size(); ++i)
    seen.spaces.push_back(look_at_space(view, desired, desired.spaces[i], facts, insides[i]));
  seen.stray_links = stray_links(view, desired);
  for (const auto part : host::all_host_parts(desired.settings))
    if (!host_part_stands(view, desired.settings, part)) seen.host_missing.push_back(part);
  seen.sysctls = TRY(host::pending_sysctls(route, facts, desired.settings, originals));
  const auto state =
      TRY(host::look_at_table(kernel, host::make_rules(facts, desired.settings, originals, seen.sysctls)));
  seen.table = state.stands;
  seen.rules_right = state.rules_right;
  if (state.stands) seen.elements = TRY(host::read_elements(kernel));
  return seen;
}

}  // namespace warren::engine
