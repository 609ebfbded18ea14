// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/watcher.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kinds/device/dhcp.h"

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

}  // namespace

Result<Watcher> Watcher::open(Place place) {
  auto route = TRY(host::listen_to(NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                                                   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR}));
  auto netfilter = TRY(host::listen_to(NETLINK_NETFILTER, {NFNLGRP_NFTABLES}));
  return Watcher(std::move(place), std::move(route), std::move(netfilter));
}

void Watcher::read_route() {
  const auto all = route_.receive([&](const netlink::MessageView& message) { route_event(message); });
  if (!all || !*all) suspicions_.lost_word("link and route");
}

void Watcher::route_event(const netlink::MessageView& message) {
  if (const auto news = host::link_news(message); news && (news->gone || !news->link.up))
    suspicions_.lost_link(news->link.name);
  if (message.type == RTM_DELROUTE)
    if (const auto network = lost_route(message)) suspicions_.lost_route(*network);
  if (message.type == RTM_DELADDR)
    if (const auto ip = lost_address(message)) suspicions_.lost_address(*ip);
}

void Watcher::read_netfilter() {
  const auto all = netfilter_.receive([&](const netlink::MessageView& message) {
    const auto change = rules_.take(message);
    if (change && change->our_table) suspicions_.rules_changed(change->by);
  });
  if (!all || !*all) suspicions_.lost_word("ruleset");
}

void Watcher::look_at_clients() {
  for (const auto& space : suspicions_.with_clients())
    for (const auto& device : space.devices)
      if (device.dhcp && !device::client_runs(place_, space, device)) suspicions_.lost_client(space, device);
}

}  // namespace warren::daemon
