// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/origin.h"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

#include "netlink/route.h"

namespace warren::device {
namespace {

using model::Device;
using model::FormerAddress;
using model::Origin;

bool link_local(const Ip& ip) {
  return !ip.is_v4() && ip.bytes()[0] == 0xfe && (ip.bytes()[1] & 0xc0) == 0x80;
}

bool has_mac(const netlink::Link& link, const Origin& origin, const Device& device) {
  return link.mac == origin.mac || link.mac == device.mac;
}

}  // namespace

Result<Origin> read_origin(netlink::Socket& host, const netlink::Link& link) {
  Origin origin;
  origin.kind = link.kind, origin.mac = link.mac, origin.permanent = link.permanent_mac;
  origin.hardware = link.hardware;
  if (link.kind == "veth" && !link.peer_nsid) origin.peer = link.peer_index;
  origin.mtu = link.mtu, origin.group = link.group, origin.up = link.up;
  origin.altnames = link.altnames;
  std::ranges::sort(origin.altnames);
  for (const auto& address : TRY(netlink::dump_addresses(host)))
    if (address.index == link.index && !link_local(address.ip) && !address.passing)
      origin.addresses.push_back({{address.ip, static_cast<std::uint8_t>(address.prefix)},
                                  address.peer,
                                  address.broadcast,
                                  address.scope,
                                  address.no_route});
  std::ranges::sort(origin.addresses);
  return origin;
}

Origin merged(Origin before, const Origin& now) {
  for (const auto& address : now.addresses)
    if (std::ranges::find(before.addresses, address) == before.addresses.end())
      before.addresses.push_back(address);
  std::ranges::sort(before.addresses);
  before.up = before.up || now.up;
  before.hardware = now.hardware, before.peer = now.peer;
  return before;
}

bool is_on_host(const netlink::Link& link, const Device& device) {
  const auto& origin = device.origin ? *device.origin : *device.home;
  if (link.loopback || link.kind != origin.kind) return false;
  if (!origin.is_real())
    return device.origin ? link.name == device.parent->str() && link.mac == origin.mac
                         : link.index == origin.index;
  if (origin.permanent) return link.permanent_mac == origin.permanent;
  return origin.hardware.empty() ? has_mac(link, origin, device) : link.hardware == origin.hardware;
}

bool is_inside(const netlink::Link& link, const Device& device) {
  const auto& origin = *device.origin;
  if (link.loopback || link.kind != origin.kind) return false;
  if (!origin.is_real()) return link.index == origin.index;
  if (origin.permanent && link.permanent_mac != origin.permanent) return false;
  if (!origin.hardware.empty()) return link.hardware == origin.hardware;
  return origin.permanent || has_mac(link, origin, device);
}

Result<std::optional<netlink::Link>> find_peer(netlink::Socket& host, const Origin& origin) {
  if (origin.peer == 0) return std::nullopt;
  auto peer = TRY(netlink::get_link(host, origin.peer));
  if (!peer || peer->kind != "veth") return std::nullopt;
  return peer;
}

Result<bool> lives(netlink::Socket& host, const Origin& origin) {
  if (!origin.is_real()) return TRY(find_peer(host, origin)).has_value();
  const auto slash = origin.hardware.find('/');
  if (slash == origin.hardware.npos) return true;
  const auto path = fmt::format("/sys/bus/{}/devices/{}", origin.hardware.substr(0, slash),
                                origin.hardware.substr(slash + 1));
  return ::access(path.c_str(), F_OK) == 0;
}

std::string str(const netlink::Link& link) { return fmt::format("{} ({})", link.name, link.mac.str()); }

}  // namespace warren::device
