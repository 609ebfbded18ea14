// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/watcher.h"

#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "kinds/device/dhcp.h"
#include "model/derive.h"
#include "sys/netns.h"

namespace warren::daemon {
namespace {

/// The attribute's address, when it is one of that family.
std::optional<Ip> address_in(const netlink::AttrView& attr, std::uint8_t family) {
  const auto of = family == AF_INET ? Family::v4 : Family::v6;
  if (attr.payload.size() != (of == Family::v4 ? 4U : 16U)) return std::nullopt;
  return Ip::from_bytes(static_cast<const std::uint8_t*>(static_cast<const void*>(attr.payload.data())), of);
}

/// The address of an RTM_DELADDR.
std::optional<Ip> lost_address(const netlink::MessageView& message) {
  const auto header = message.header<ifaddrmsg>();
  if (!header) return std::nullopt;
  for (const auto& attr : message.attributes<ifaddrmsg>())
    if (attr.type == IFA_ADDRESS) return address_in(attr, header->ifa_family);
  return std::nullopt;
}

/// The destination of an RTM_DELROUTE of the main table, unless it was a default route.
std::optional<Cidr> lost_route(const netlink::MessageView& message) {
  const auto header = message.header<rtmsg>();
  if (!header || header->rtm_table != RT_TABLE_MAIN) return std::nullopt;
  for (const auto& attr : message.attributes<rtmsg>()) {
    if (attr.type != RTA_DST) continue;
    const auto network = address_in(attr, header->rtm_family);
    return network ? std::optional(Cidr(*network, header->rtm_dst_len)) : std::nullopt;
  }
  return std::nullopt;
}

std::string client_name(const model::Space& space, const model::Device& device) {
  return device.name.str() + " of " + space.name.str();
}

}  // namespace

Result<Watcher> Watcher::open() {
  auto route = TRY(host::listen_to(NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                                   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}));
  auto netfilter = TRY(host::listen_to(NETLINK_NETFILTER, {NFNLGRP_NFTABLES}));
  return Watcher(std::move(route), std::move(netfilter));
}

void Watcher::expect(const model::Settings& settings, const std::vector<model::Space>& spaces) {
  links_.clear();
  pins_.clear();
  addresses_.clear();
  networks_.clear();
  with_clients_.clear();
  for (const auto& space : spaces) {
    if (space.state != model::State::up) continue;
    pins_.insert(space.name.str());
    for (const auto& device : space.devices)
      if (device.kind == model::DeviceKind::veth || device.shim)
        links_.insert(model::host_link(space.number, device).str());
    if (std::ranges::any_of(space.devices, &model::Device::dhcp)) with_clients_.push_back(space);
    if (!space.uplink) continue;
    const auto wiring = model::wiring(space, settings);
    links_.insert(wiring.outer.str());
    addresses_.insert(wiring.ip4);
    if (wiring.ip6) addresses_.insert(*wiring.ip6);
  }
  if (pins_.empty()) return;  // nothing of ours is to stand
  addresses_.insert(model::gateway4(settings));
  if (const auto gateway = model::gateway6(settings)) addresses_.insert(*gateway);
  networks_.push_back(settings.pool);
  if (settings.ipv6 && settings.ula) networks_.push_back(*settings.ula);
}

void Watcher::read_route() {
  const auto all = route_.receive([&](const netlink::MessageView& message) {
    link_event(message);
    if (message.type == RTM_DELROUTE) route_event(message);
    if (message.type != RTM_DELADDR) return;
    if (const auto ip = lost_address(message); ip && addresses_.contains(*ip))
      suspicions_.emplace(Kind::route, Cidr(*ip, ip->bits()).str());
  });
  if (!all || !*all) suspicions_.emplace(Kind::lost, "link and route");
}

void Watcher::link_event(const netlink::MessageView& message) {
  const auto news = host::link_news(message);
  if (!news || !links_.contains(news->link.name)) return;
  if (news->gone || !news->link.up) suspicions_.emplace(Kind::link, news->link.name);
}

void Watcher::route_event(const netlink::MessageView& message) {
  const auto lost = lost_route(message);
  if (!lost) return;
  if (concerns(*lost)) suspicions_.emplace(Kind::route, lost->str());
}

/// A pool, or a network in which an address of ours lies.
bool Watcher::concerns(const Cidr& network) const {
  if (std::ranges::find(networks_, network) != networks_.end()) return true;
  return std::ranges::any_of(addresses_, [&](const Ip& ip) { return network.contains(ip); });
}

void Watcher::read_netfilter() {
  const auto all = netfilter_.receive([&](const netlink::MessageView& message) {
    const auto change = rules_.take(message);
    if (change && change->our_table) suspicions_.emplace(Kind::rules, change->by);
  });
  if (!all || !*all) suspicions_.emplace(Kind::lost, "ruleset");
}

void Watcher::lost_pin(const std::string& name) {
  if (pins_.contains(name)) suspicions_.emplace(Kind::pin, name);
}

void Watcher::lost_names() { suspicions_.emplace(Kind::lost, "names"); }

void Watcher::look_at_clients() {
  for (const auto& space : with_clients_)
    for (const auto& device : space.devices)
      if (device.dhcp && !device::client_runs(space, device))
        suspicions_.emplace(Kind::client, client_name(space, device));
}

/// A link, a pin or a route may have gone because its space was taken away by warren itself.
bool Watcher::holds(Kind kind, const std::string& name) const {
  if (pins_.empty()) return false;
  if (kind == Kind::link) return links_.contains(name);
  if (kind == Kind::pin) return pins_.contains(name);
  if (kind == Kind::client)
    return std::ranges::any_of(with_clients_, [&](const model::Space& space) {
      return std::ranges::any_of(space.devices, [&](const model::Device& device) {
        return device.dhcp && client_name(space, device) == name;
      });
    });
  if (kind != Kind::route) return true;
  const auto network = Cidr::parse(name);
  return network && concerns(*network);
}

std::vector<std::string> Watcher::take() {
  std::vector<std::string> causes;
  for (const auto& [kind, name] : suspicions_) {
    if (!holds(kind, name)) continue;
    if (kind == Kind::link) causes.push_back("link " + name);
    if (kind == Kind::route) causes.push_back("address or route " + name);
    if (kind == Kind::pin) causes.push_back("/run/netns/" + name);
    if (kind == Kind::client) causes.push_back("DHCP client of " + name);
    if (kind == Kind::rules) causes.push_back("rules, by " + name);
    if (kind == Kind::lost) causes.push_back("lost notifications of " + name);
  }
  suspicions_.clear();
  return causes;
}

}  // namespace warren::daemon
