// SPDX-License-Identifier: GPL-2.0-or-later
// Interfaces of the host that move into a space and always come back. What one was is in the store before it
// moves, and stays there until it is that again.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

#include "host/links.h"
#include "kinds/device/devices.h"
#include "kinds/device/origin.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "store/devices.h"
#include "sys/netns.h"

namespace warren::device {
namespace {

using model::Device;
using model::Origin;
using model::Space;
using netlink::Batch;

constexpr int kMostTries = 100;

Status refuse(const std::string& name, std::string_view why) {
  return fail(Code::usage, fmt::format("{} cannot go into a space: {}", name, why));
}

Status check_link(const netlink::Link& link, const Device& device) {
  if (link.loopback) return refuse(link.name, "it is the host's loopback");
  if (host::is_own(link)) return refuse(link.name, "it is warren's own");
  if (link.master != 0)
    return refuse(link.name, "it is a port of a bridge or bond; take it out of that first");
  if (!link.kind.empty() && !device.is_virtual)
    return refuse(link.name, fmt::format("it is a virtual device ({}), which the kernel destroys with a "
                                         "namespace; give --virtual to accept that",
                                         link.kind));
  return {};
}

bool sits_on(const netlink::Link& upper, int index) {
  return upper.kind != "veth" && upper.peer_index == index && !upper.peer_nsid && upper.index != index;
}

/// Does another device need it? `up_only`: those of spaces that are down have no say.
Status check_unused(const Space& space, const Device& device, const Others& others, bool up_only) {
  for (const auto& other : TRY(others.on(*device.parent))) {
    const bool itself = other.number == space.number && other.device.index == device.index;
    if (itself || other.device.leaving || (up_only && other.state != model::State::up)) continue;
    return fail(Code::exists, fmt::format("{} is used by space {}, as {}", device.parent->str(),
                                          other.space.str(), model::str(other.device)));
  }
  return {};
}

}  // namespace

/// May it leave the host?
Status Devices::check_free(const netlink::Link& link, const Device& device) {
  if (std::ranges::find(uplinks_, link.name, &IfName::str) != uplinks_.end())
    return refuse(link.name, "it is the host's uplink");
  for (const auto& other : TRY(netlink::dump_links(*TRY(host()))))
    if (sits_on(other, link.index)) return refuse(link.name, fmt::format("{} sits on it", other.name));
  return check_link(link, device);
}

Status Devices::check_physical(const Space& space, const Device& device, const Others& others) {
  if (device.origin) return {};  // it is in the space
  TRY(check_unused(space, device, others, false));
  if (const auto link = TRY(netlink::get_link(*TRY(host()), *device.parent)))
    return check_free(*link, device);
  return fail(Code::not_found, fmt::format("there is no interface '{}' on the host; `ip link` lists them",
                                           device.parent->str()));
}

/// Under any name: the kernel sends one home under that which it had inside.
Result<std::optional<netlink::Link>> Devices::find_on_host(const Device& device) {
  auto& socket = *TRY(host());
  auto link = TRY(netlink::get_link(socket, *device.parent));
  const bool known = device.origin || device.home;
  if (!known || (link && is_on_host(*link, device))) return link;
  for (auto& other : TRY(netlink::dump_links(socket)))
    if (is_on_host(other, device)) return std::move(other);
  return std::nullopt;
}

/// Under its name inside, or under any that a guest gave it.
Result<std::optional<netlink::Link>> Devices::find_inside(const Device& device, rooms::Room& room) {
  const auto peer = TRY(find_peer(*TRY(host()), *device.origin));
  for (auto& link : TRY(netlink::dump_links(room.socket)))
    if (is_inside(link, device) && (!peer || peer->peer_index == link.index)) return std::move(link);
  return std::nullopt;
}

namespace {

Status rename(netlink::Socket& socket, const netlink::Link& link, const IfName& name) {
  if (link.name == name.str()) return {};
  Batch batch;
  netlink::LinkChange lower;
  lower.up = false;
  netlink::change_link(batch, link.index, lower);
  netlink::rename_link(batch, link.index, name);
  return socket.run(batch);
}

/// Its index is chosen before it moves: others may give it another name as soon as it is there.
Result<int> free_index(netlink::Socket& there, int wanted) {
  for (int index = wanted; index < wanted + kMostTries; ++index)
    if (!TRY(netlink::get_link(there, index))) return index;
  return fail(Code::exists, fmt::format("no index like {} is free for an interface", wanted));
}

/// A name that nobody else gives.
IfName name_away(const Space& space, const Device& device) {
  return *IfName::parse(fmt::format("lost_{}_{}", space.number, device.index));
}

/// What is said of one that is neither here nor there.
Error hidden(const Space& space, const Device& device) {
  return {Code::failed, 0,
          fmt::format(
              "{0} of space {1} is nowhere to be found: somebody in the space keeps it in a namespace of his "
              "own; end his processes, those in there as well, then `warren up` brings it back",
              device.name.str(), space.name.str())};
}

}  // namespace

Status Devices::keep(const Space& space, const Device& device) {
  auto transaction = TRY(store_.begin());
  TRY(store_.devices().change(space.number, device));
  return transaction.commit();
}

/// What is to be taken in: that which the space had before, or, of what is not real, another made like it.
Result<netlink::Link> Devices::require_on_host(const Space& space, const Device& device) {
  const auto link = TRY(find_on_host(device));
  const auto& wanted = device.parent->str();
  if (link && (device.origin || link->name == wanted)) return *link;
  const auto named = TRY(netlink::get_link(*TRY(host()), *device.parent));
  if (link)
    return fail(Code::exists,
                fmt::format("{} of space {} is called {} on the host by now{}: rename it back", wanted,
                            space.name.str(), str(*link), named ? ", and another " + str(*named) : ""));
  if (!named)
    return fail(
        Code::not_found,
        fmt::format("there is no interface '{}' on the host{}", wanted,
                    device.is_virtual ? "; the kernel destroyed it with a namespace: make it again" : ""));
  const auto& known = device.origin ? *device.origin : *device.home;
  if (!known.is_real() && named->kind == known.kind) return *named;
  return fail(
      Code::exists,
      fmt::format("{} on the host is another interface than that of space {} ({}), which is not there: "
                  "rename it, or `warren dev rm {} {}`",
                  str(*named), space.name.str(), known.permanent.value_or(known.mac).str(), space.name.str(),
                  device.name.str()));
}

Status Devices::take_in(const Space& space, Device& device, rooms::Room& room) {
  auto& socket = *TRY(host());
  const bool back = device.origin && TRY(find_on_host(device));
  if (device.origin && !back) {
    if (const auto inside = TRY(find_inside(device, room))) return rename(room.socket, *inside, device.name);
    if (TRY(lives(socket, *device.origin))) return std::unexpected(hidden(space, device));
  }
  const auto link = TRY(require_on_host(space, device));
  TRY(check_unused(space, device, Others(store_), true));
  TRY(check_free(link, device));
  const auto now = TRY(read_origin(socket, link));
  device.origin = back ? merged(*device.origin, now) : now;
  device.origin->index = TRY(free_index(room.socket, link.index));
  device.home.reset();
  TRY(keep(space, device));
  if (netlink::link_index(room.socket, device.name))
    return fail(Code::exists, fmt::format("there is another interface {} inside already", device.name.str()));
  Batch batch;
  netlink::move_link(batch, link.index, {room.netns.get(), device.name, device.origin->index});
  return socket.run(batch);
}

/// The name that it had; where another has that by now, one like it.
Result<IfName> Devices::free_name(const Device& device) {
  auto& socket = *TRY(host());
  const auto& wanted = *device.parent;
  if (!netlink::link_index(socket, wanted)) return wanted;
  for (int i = 1; i < kMostTries; ++i) {
    const auto end = fmt::format("_{}", i);
    const auto name = IfName::parse(wanted.str().substr(0, kIfNameMax - end.size()) + end);
    if (name && !netlink::link_index(socket, *name)) return *name;
  }
  return fail(Code::exists, fmt::format("no name like {} is free on the host", wanted.str()));
}

/// What came home in its place goes again: deleted, or, where the kernel cannot, back to where it was.
Status Devices::send_away(const netlink::Link& link, const Space& space, const Device& device,
                          const rooms::Room& room) {
  Batch batch;
  if (link.kind.empty())
    netlink::move_link(batch, link.index, {room.netns.get(), name_away(space, device)});
  else
    netlink::delete_link(batch, link.index);
  TRY(TRY(host())->run(batch));
  return fail(
      Code::failed,
      fmt::format("somebody in space {0} has put another interface in the place of {1}: end his processes "
                  "(`warren pids {0}`), then `warren up` brings the right one back",
                  space.name.str(), device.name.str()));
}

/// Names that somebody inside gave it would be in the way where the host has them, and he may be giving more.
/// What he put on top of it would stay where it is, and in the segment.
Status Devices::move_home(int index, const netlink::LinkMove& move, rooms::Room& room) {
  for (int i = 0;; ++i) {
    Batch batch;
    std::size_t before = 0;
    for (const auto& link : TRY(netlink::dump_links(room.socket))) {
      if (sits_on(link, index)) netlink::delete_link(batch, link.index), ++before;
      if (link.index != index) continue;
      for (const auto& name : link.altnames) netlink::delete_altname(batch, index, name), ++before;
    }
    netlink::move_link(batch, index, move);
    auto refused = TRY(room.socket.run_all(batch));
    if (refused.empty() || refused.back().request != before) return {};
    if (refused.back().error.sys != EEXIST || i == kMostTries)
      return std::unexpected(std::move(refused.back().error));
  }
}

/// Brings it from inside. It may be exchanged while it is looked for, so it is looked at again when it is
/// here.
Result<std::optional<netlink::Link>> Devices::fetch(const Space& space, const Device& device,
                                                    rooms::Room& room) {
  const auto inside = TRY(find_inside(device, room));
  if (!inside) return std::nullopt;
  const auto& origin = *device.origin;
  const auto name = TRY(free_name(device));
  const auto home = TRY(sys::current_netns());
  auto& socket = *TRY(host());
  netlink::LinkMove move{home.get(), name, TRY(free_index(socket, inside->index)), origin.group};
  if (inside->mac != origin.mac) move.mac = origin.mac;
  TRY(move_home(inside->index, move, room));
  auto link = TRY(netlink::get_link(socket, *move.index));
  if (!link) return fail(Code::failed, fmt::format("{} was moved to the host, and is not there", name.str()));
  auto same = device;
  same.origin->index = *move.index;
  const auto peer = TRY(find_peer(socket, origin));
  const bool paired = !peer || (link->peer_index == peer->index && !link->peer_nsid);
  if (!is_inside(*link, same) || !paired) TRY(send_away(*link, space, device, room));
  if (name != *device.parent)
    said_.push_back(fmt::format("{} of space {} comes back as {}: the host has another {} by now",
                                device.name.str(), space.name.str(), name.str(), device.parent->str()));
  return link;
}

/// The kernel sends one home under the name that it had inside.
Status Devices::rename_at_home(netlink::Link& link, const Device& device) {
  auto& socket = *TRY(host());
  if (link.name == device.parent->str() || netlink::link_index(socket, *device.parent)) return {};
  TRY(rename(socket, link, *device.parent));
  link.name = device.parent->str();
  return {};
}

/// As many as can be: a name that another has by now is none to fail for.
Status Devices::restore_altnames(const netlink::Link& link, const Origin& origin) {
  Batch batch;
  std::vector<std::string> asked;
  for (const auto& name : link.altnames)
    if (std::ranges::find(origin.altnames, name) == origin.altnames.end())
      netlink::delete_altname(batch, link.index, name), asked.push_back(name);
  for (const auto& name : origin.altnames)
    if (std::ranges::find(link.altnames, name) == link.altnames.end())
      netlink::add_altname(batch, link.index, name), asked.push_back(name);
  for (const auto& failure : TRY(TRY(host())->run_all(batch)))
    said_.push_back(fmt::format("{}: {}: {}", link.name, failure.error.what, asked[failure.request]));
  return {};
}

Status Devices::restore(const netlink::Link& link, const Origin& origin) {
  TRY(restore_altnames(link, origin));
  Batch batch;
  netlink::LinkChange change;
  if (link.mac != origin.mac) change.mac = origin.mac;
  if (link.mtu != origin.mtu) change.mtu = origin.mtu;
  if (link.group != origin.group) change.group = origin.group;
  if (link.up != origin.up && !origin.up) change.up = false;
  netlink::change_link(batch, link.index, change);
  if (origin.up) {
    netlink::LinkChange raise;
    raise.up = true;
    netlink::change_link(batch, link.index, raise);
  }
  for (const auto& former : origin.addresses)
    netlink::add_address(batch, {link.index, former.address.ip, former.address.prefix, former.peer,
                                 former.broadcast, former.scope, former.no_route});
  return TRY(host())->run(batch);
}

Status Devices::give_back(const Space& space, const Device& device, rooms::Room* room) {
  if (!device.origin) return {};
  auto link = TRY(find_on_host(device));
  if (link) TRY(rename_at_home(*link, device));
  if (!link && room) link = TRY(fetch(space, device, *room));
  if (!link && TRY(lives(*TRY(host()), *device.origin))) return std::unexpected(hidden(space, device));
  if (link)
    TRY(restore(*link, *device.origin));
  else
    said_.push_back(fmt::format("{} of space {} is gone: the kernel destroyed it with its namespace",
                                device.name.str(), space.name.str()));
  auto free = device;
  free.home.swap(free.origin);
  free.origin.reset();
  if (link)
    free.home->index = link->index, free.home->altnames.clear(), free.home->addresses.clear();
  else
    free.home.reset();
  return keep(space, free);
}

}  // namespace warren::device
