// SPDX-License-Identifier: GPL-2.0-or-later
// Interfaces of the host that move into a space and always come back. What one was is in the store before it
// moves, and stays there until it is that again.
#include <algorithm>
#include <fmt/format.h>

#include "apply/devices.h"
#include "netlink/route.h"
#include "netlink/upper.h"
#include "sys/netns.h"

namespace warren::apply {
namespace {

using model::Device;
using model::Origin;
using model::Space;
using netlink::Batch;

constexpr unsigned kMostTries = 100;
constexpr std::size_t kIfNameMax = 15;

/// By what is burnt in, or, where nothing is, by the MAC that it had or was given.
bool is_it(const netlink::Link& link, const Device& device) {
  if (!device.origin || link.loopback) return false;
  if (device.origin->permanent) return link.permanent_mac == device.origin->permanent;
  return !link.permanent_mac && (link.mac == device.origin->mac || link.mac == device.mac);
}

bool link_local(const Ip& ip) {
  return !ip.is_v4() && ip.bytes()[0] == 0xfe && (ip.bytes()[1] & 0xc0) == 0x80;
}

/// What it is now.
Result<Origin> read_origin(netlink::Socket& host, const netlink::Link& link) {
  Origin origin{link.mac, link.permanent_mac, link.mtu, link.up, {}};
  for (const auto& address : TRY(netlink::dump_addresses(host)))
    if (address.index == link.index && !link_local(address.ip))
      origin.addresses.push_back({address.ip, static_cast<std::uint8_t>(address.prefix)});
  std::ranges::sort(origin.addresses);
  return origin;
}

/// One that was on its way back is still to become what it was; what it has got since, it keeps.
Origin merged(Origin before, const Origin& now) {
  for (const auto& address : now.addresses)
    if (std::ranges::find(before.addresses, address) == before.addresses.end())
      before.addresses.push_back(address);
  std::ranges::sort(before.addresses);
  before.up = before.up || now.up;
  return before;
}

Status refuse(const std::string& name, std::string_view why) {
  return fail(Code::usage, fmt::format("{} cannot go into a space: {}", name, why));
}

Status check_link(const netlink::Link& link, const Device& device) {
  if (link.loopback) return refuse(link.name, "it is the host's loopback");
  if (link.group == model::kLinkGroup || link.group == model::kDeviceGroup ||
      link.group == model::kLeavingGroup)
    return refuse(link.name, "it is warren's own");
  if (link.master != 0)
    return refuse(link.name, "it is a port of a bridge or bond; take it out of that first");
  if (!link.kind.empty() && !device.is_virtual)
    return refuse(link.name, fmt::format("it is a virtual device ({}), which the kernel destroys with a "
                                         "namespace; give --virtual to accept that",
                                         link.kind));
  return {};
}

}  // namespace

Status Devices::check_physical(const Device& device, const HostFacts& facts,
                               const std::vector<Space>& spaces) {
  const auto& parent = *device.parent;
  for (const auto& space : spaces)
    for (const auto& other : space.devices) {
      if (other.leaving || other.parent != parent) continue;
      return fail(Code::exists, fmt::format("{} is used by space {}, as {}", parent.str(), space.name.str(),
                                            model::str(other)));
    }
  if (std::ranges::find(facts.uplinks, parent) != facts.uplinks.end())
    return refuse(parent.str(), "it is the host's uplink");
  const auto link = TRY(netlink::get_link(*TRY(host()), parent));
  if (link) {
    for (const auto& other : TRY(netlink::dump_links(*TRY(host()))))
      if (other.kind != "veth" && other.peer_index == link->index && other.index != link->index)
        return refuse(link->name, fmt::format("{} sits on it", other.name));
    return check_link(*link, device);
  }
  return fail(Code::not_found,
              fmt::format("there is no interface '{}' on the host; `ip link` lists them", parent.str()));
}

/// Under the name that it had, or, when its namespace ended and the kernel sent it home, under any.
Result<std::optional<netlink::Link>> Devices::find_on_host(const Device& device) {
  auto& socket = *TRY(host());
  auto link = TRY(netlink::get_link(socket, *device.parent));
  if (link && (!device.origin || is_it(*link, device))) return link;
  if (!device.origin) return std::nullopt;
  for (auto& other : TRY(netlink::dump_links(socket)))
    if (is_it(other, device)) return std::move(other);
  return std::nullopt;
}

namespace {

/// Under its name inside, or under any that a guest gave it.
Result<std::optional<netlink::Link>> find_inside(netlink::Socket& inside, const Device& device) {
  auto link = TRY(netlink::get_link(inside, device.name));
  if (link && is_it(*link, device)) return link;
  for (auto& other : TRY(netlink::dump_links(inside)))
    if (is_it(other, device)) return std::move(other);
  return std::nullopt;
}

/// One that is inside already gets its name again.
Status rename_inside(netlink::Socket& inside, const netlink::Link& link, const Device& device) {
  if (link.name == device.name.str()) return {};
  Batch batch;
  netlink::LinkChange lower;
  lower.up = false;
  netlink::change_link(batch, TRY(IfName::parse(link.name)), lower);
  netlink::rename_link(batch, link.index, device.name);
  return inside.run(batch);
}

}  // namespace

Status Devices::keep(const Space& space, const Device& device) {
  auto transaction = TRY(store_.begin());
  TRY(store_.change_device(space.number, device));
  return transaction.commit();
}

Status Devices::take_in(const Space& space, Device& device, Room& room) {
  if (const auto inside = TRY(find_inside(room.socket, device)))
    return rename_inside(room.socket, *inside, device);
  const auto link = TRY(find_on_host(device));
  if (!link)
    return fail(
        Code::not_found,
        fmt::format("there is no interface '{}' on the host{}", device.parent->str(),
                    device.is_virtual ? "; the kernel destroyed it with a namespace: make it again" : ""));
  TRY(check_link(*link, device));
  const auto now = TRY(read_origin(*TRY(host()), *link));
  device.origin = device.origin ? merged(*device.origin, now) : now;
  TRY(keep(space, device));
  if (netlink::link_index(room.socket, device.name))
    return fail(Code::exists, fmt::format("there is another interface {} inside already", device.name.str()));
  Batch batch;
  netlink::move_link(batch, link->index, room.netns.get(), device.name);
  return TRY(host())->run(batch);
}

/// The name that it had; where another has that by now, one like it.
Result<IfName> Devices::free_name(const Space& space, const Device& device) {
  auto& socket = *TRY(host());
  const auto& wanted = *device.parent;
  if (!netlink::link_index(socket, wanted)) return wanted;
  for (unsigned i = 1; i < kMostTries; ++i) {
    const auto end = fmt::format("_{}", i);
    const auto name = IfName::parse(wanted.str().substr(0, kIfNameMax - end.size()) + end);
    if (!name || netlink::link_index(socket, *name)) continue;
    said_.push_back(fmt::format("{} of space {} comes back as {}: the host has another {} by now",
                                device.name.str(), space.name.str(), name->str(), wanted.str()));
    return *name;
  }
  return fail(Code::exists, fmt::format("no name like {} is free on the host", wanted.str()));
}

Status Devices::restore(const netlink::Link& link, const Origin& origin) {
  auto& socket = *TRY(host());
  const auto name = TRY(IfName::parse(link.name));
  Batch batch;
  netlink::LinkChange change;
  if (link.mac != origin.mac) change.mac = origin.mac;
  if (link.mtu != origin.mtu) change.mtu = origin.mtu;
  if (link.up != origin.up && !origin.up) change.up = false;
  netlink::change_link(batch, name, change);
  if (origin.up) {
    netlink::LinkChange raise;
    raise.up = true;
    netlink::change_link(batch, name, raise);
  }
  for (const auto& address : origin.addresses)
    netlink::add_address(batch, {link.index, address.ip, address.prefix});
  return socket.run(batch);
}

Status Devices::give_back(const Space& space, const Device& device, Room* room) {
  if (!device.origin) return {};
  auto& socket = *TRY(host());
  const auto inside = room ? TRY(find_inside(room->socket, device)) : std::nullopt;
  Batch batch;
  std::optional<IfName> name;
  if (inside) {
    name = TRY(free_name(space, device));
    const auto home = TRY(sys::current_netns());
    netlink::move_link(batch, inside->index, home.get(), *name);
    TRY(room->socket.run(batch));
  } else if (const auto found = TRY(find_on_host(device)); found) {
    name = TRY(IfName::parse(found->name));
    if (*name != *device.parent && !netlink::link_index(socket, *device.parent)) {  // the kernel sent it home
      name = *device.parent;
      netlink::LinkChange lower;
      lower.up = false;
      netlink::change_link(batch, *IfName::parse(found->name), lower);
      netlink::rename_link(batch, found->index, *name);
      TRY(socket.run(batch));
    }
  } else {
    said_.push_back(fmt::format("{} of space {} is gone: the kernel destroyed it with its namespace",
                                device.name.str(), space.name.str()));
  }
  if (name)
    if (const auto link = TRY(netlink::get_link(socket, *name))) TRY(restore(*link, *device.origin));
  auto free = device;
  free.origin.reset();
  return keep(space, free);
}

}  // namespace warren::apply
