// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/devices.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fmt/format.h>
#include <linux/ip.h>
#include <thread>

#include "host/links.h"
#include "kinds/device/dhcp.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/netns.h"
#include "sys/userns.h"

namespace warren::device {
namespace {

using model::Device;
using model::DeviceKind;
using model::Space;
using netlink::Batch;

constexpr std::uint32_t kMtu = 1500;
constexpr int kTries = 60;
constexpr auto kPause = std::chrono::milliseconds(50);

Result<rooms::Room> open_room(const Place& place, const SpaceName& name) {
  return rooms::RoomSource(place, {{name, rooms::RoomOrder::Kind::open, {}}}).next();
}

/// Where a link gets its first name: the kernel looks on the host whether the last one is taken.
IfName first_name(const Space& space, const Device& device) {
  return *IfName::parse(fmt::format("new_{}_{}", space.number, device.index));
}

/// Another link that is on its way out with its namespace may still be in the way for a moment.
template <class Run>
Status patiently(int while_this, Run run) {
  auto done = run();
  for (int i = 0; i < kTries && !done && done.error().sys == while_this; ++i) {
    std::this_thread::sleep_for(kPause);
    done = run();
  }
  return done;
}

Status lacking(const Device& device, Status status) {
  if (status || status.error().code != Code::unsupported) return status;
  return fail(Code::unsupported, fmt::format("kernel lacks {}: {}", name(device.kind), status.error().what));
}

netlink::UpperSpec::Kind upper_kind(DeviceKind kind) {
  if (kind == DeviceKind::macvlan) return netlink::UpperSpec::Kind::macvlan;
  return kind == DeviceKind::ipvlan ? netlink::UpperSpec::Kind::ipvlan : netlink::UpperSpec::Kind::vlan;
}

netlink::Route default_by(const Device& device, int index, const Ip& gateway) {
  netlink::Route route;
  route.family = gateway.family();
  route.index = index;
  route.gateway = gateway;
  route.metric = model::route_metric(device, gateway.family());
  return route;
}

}  // namespace

/// The kernel has a VLAN of an interface once, in whatever namespace.
Status Devices::check_vlan(const Space& space, const Device& device, const Others& others) {
  const auto refuse = [&](const std::string& who, std::string_view remedy) {
    return fail(Code::exists, fmt::format("VLAN {} of {} is {}: {}", device.vlan, device.parent->str(), who,
                                          fmt::format(fmt::runtime(remedy), device.vlan)));
  };
  for (const auto& other : TRY(others.on(*device.parent)))
    if (other.device.kind == device.kind && other.device.vlan == device.vlan &&
        (other.number != space.number || other.device.index != device.index))
      return refuse(fmt::format("{} of space {}", other.device.name.str(), other.space.str()),
                    "for several spaces in one VLAN use `--type macvlan --vlan {}`");
  const auto parent = netlink::link_index(*TRY(host()), *device.parent);
  for (const auto& link : TRY(netlink::dump_links(*TRY(host()))))
    if (parent && link.kind == "vlan" && link.peer_index == *parent && link.vlan == device.vlan)
      return refuse(fmt::format("{} of the host", link.name),
                    "use that as the parent of a macvlan, or delete it");
  return {};
}

Status Devices::check(const Space& space, const Device& device, const Others& others) {
  if (device.dhcp) TRY(find_client());
  if (device.kind == DeviceKind::physical) return check_physical(space, device, others);
  if (device.kind == DeviceKind::veth) {
    if (!device.parent) return {};
    const auto bridge = TRY(netlink::get_link(*TRY(host()), *device.parent));
    if (!bridge)
      return fail(Code::not_found, fmt::format("there is no bridge '{}' on the host", device.parent->str()));
    if (bridge->kind == "bridge") return {};
    return fail(Code::usage, fmt::format("{} is no bridge: give one, or leave the parent out", bridge->name));
  }
  if (device.kind == DeviceKind::vlan) TRY(check_vlan(space, device, others));
  if (model::has_own_base(device) && netlink::link_index(*TRY(host()), model::base_link(device)))
    return TRY(require_base(device)), Status();
  auto parent = device;
  parent.vlan = 0;
  return TRY(require_base(parent)), Status();
}

/// A name that somebody else uses inside is his; what is left of ours goes.
Status Devices::clear_name(const Site& site) {
  auto& inside = site.room.socket;
  TRY(host::delete_link_if_there(inside, first_name(site.space, site.device)));
  if (site.device.kind != DeviceKind::veth) (void)TRY(clear_uppers(site));
  const auto link = TRY(netlink::get_link(inside, site.device.name));
  if (!link) return {};
  const bool ours = site.device.kind == DeviceKind::veth && link->kind == "veth" &&
                    link->mac == model::device_mac(site.space.number, site.device);
  if (!ours)
    return fail(Code::exists, fmt::format("there is another interface {} inside already", link->name));
  Batch batch;
  netlink::delete_link(batch, link->index);
  return inside.run(batch);
}

Status Devices::make_upper(const Site& site) {
  const auto& device = site.device;
  TRY(put_base(device));
  netlink::UpperSpec spec{upper_kind(device.kind),
                          first_name(site.space, device),
                          TRY(require_base(device)).index,
                          site.room.netns.get(),
                          {}};
  if (device.kind != DeviceKind::ipvlan) spec.mac = model::device_mac(site.space.number, device);
  spec.mode = kernel_mode(device.mode);
  spec.vlan = device.vlan;
  Batch batch;
  netlink::create_upper(batch, spec);
  auto& socket = *TRY(host());
  TRY(lacking(device, patiently(EEXIST, [&] { return socket.run(batch); })));
  batch.clear();
  netlink::rename_link(batch, TRY(netlink::link_index(site.room.socket, spec.name)), device.name);
  return site.room.socket.run(batch);
}

Status Devices::make_pair(const Site& site) {
  const auto& device = site.device;
  TRY(drop_host_end(site.space, device));
  const auto mac = model::device_mac(site.space.number, device);
  auto& socket = *TRY(host());
  // A port with a smaller MTU would lower that of its bridge.
  const auto bridge = device.parent ? TRY(netlink::get_link(socket, *device.parent)) : std::nullopt;
  const auto mtu = bridge ? bridge->mtu : kMtu;
  Batch batch;
  netlink::create_veth(batch, {model::host_link(site.space.number, device), device.name,
                               model::host_mac(site.space.number, device), mac, mtu, model::kDeviceGroup,
                               site.room.netns.get()});
  return lacking(device, socket.run(batch));
}

Status Devices::make(const Site& site) {
  TRY(clear_name(site));
  return site.device.kind == DeviceKind::veth ? make_pair(site) : make_upper(site);
}

Status Devices::furnish_inside(const Site& site, Parts missing) {
  const auto& device = site.device;
  auto& inside = site.room.socket;
  const int index = TRY(netlink::link_index(inside, device.name));
  // The address comes first, so that the neighbours are told of it when the link comes up (arp_notify).
  Batch batch;
  netlink::LinkChange change;
  change.ipv4_conf = {{IPV4_DEVCONF_ARP_NOTIFY, 1}};
  if (missing.has(Part::mac) && (device.mac || device.kind != DeviceKind::physical))
    change.mac = model::device_mac(site.space.number, device);
  netlink::change_link(batch, device.name, change);
  const auto add_addresses = [&](bool v4) {
    for (const auto& address : device.addresses)
      if (missing.has(Part::addresses) && address.ip.is_v4() == v4)
        netlink::add_address(batch, {index, address.ip, address.prefix});
  };
  add_addresses(true);
  if (missing.has(Part::up)) host::raise_link(batch, device.name);
  add_addresses(false);
  if (missing.has(Part::gateways))
    for (const auto& gateway : device.gateways) netlink::put_route(batch, default_by(device, index, gateway));
  return patiently(EADDRINUSE, [&] { return inside.run(batch); });
}

Status Devices::furnish(const Site& site, Parts missing) {
  const auto& [space, device, room] = site;
  const bool client = missing.has(Part::client);
  if (client && !device.dhcp && has_client(kernel_.place(), space, device))
    TRY(stop_client(kernel_.place(), space, device, &room.socket));
  if (missing.has(Part::host_end)) TRY(put_host_end(site));
  TRY(drop_old(site));
  TRY(furnish_inside(site, missing));
  return client && device.dhcp
             ? start_client(kernel_.place(), space, device, room.netns.get(), settings_.pool)
             : Status();
}

/// What is old stays in the store until it is taken away: a change that was cut short is completed.
Status Devices::drop_old(const Site& site) {
  auto device = site.device;
  if (device.old_addresses.empty() && device.old_gateways.empty()) return {};
  const int index = TRY(netlink::link_index(site.room.socket, device.name));
  Batch batch;
  for (const auto& gateway : device.old_gateways)
    netlink::delete_route(batch, default_by(device, index, gateway));
  for (const auto& address : device.old_addresses)
    netlink::delete_address(batch, {index, address.ip, address.prefix});
  (void)TRY(site.room.socket.run_all(batch));  // what is gone already is fine
  device.old_addresses.clear(), device.old_gateways.clear();
  return keep(site.space, device);
}

Status Devices::put(const Space& space, Device device, Parts missing) {
  const auto what = "device " + device.name.str();
  auto room = TRY_WRAP(what, open_room(kernel_.place(), space.name));
  const bool anew = missing.has(Part::link);
  if (anew) missing = all_parts(device);
  const Site site{space, device, room};
  auto done = Status();
  if (anew && has_client(kernel_.place(), space, device))
    done = stop_client(kernel_.place(), space, device, nullptr);  // of the interface that was
  if (anew && done) done = device.kind == DeviceKind::physical ? take_in(space, device, room) : make(site);
  if (done) done = furnish(site, missing);
  if (!done && anew)
    if (const auto undone = drop(space, device, Say::nothing); !undone)
      done.error().what += fmt::format("; it is not undone: {}", undone.error().what);
  return TRY_WRAP(what, std::move(done)), Status();
}

/// Of a pair the end on the host goes, and with it the other, wherever that is.
Result<bool> Devices::drop_inside(const Site& site) {
  if (site.device.kind == DeviceKind::veth) return true;
  auto& inside = site.room.socket;
  TRY(host::delete_link_if_there(inside, first_name(site.space, site.device)));
  bool found = TRY(clear_uppers(site));
  const auto link = TRY(netlink::get_link(inside, site.device.name));
  if (!link || link->kind != model::name(site.device.kind) || !link->peer_nsid) return found;
  Batch batch;
  netlink::delete_link(batch, link->index);
  auto done = inside.run(batch);
  if (!done && done.error().code != Code::not_found) return std::unexpected(std::move(done).error());
  return true;
}

Result<Devices::Found> Devices::take_away(const Space& space, const Device& device) {
  if (device.dhcp || has_client(kernel_.place(), space, device))
    TRY(stop_client(kernel_.place(), space, device, nullptr));
  auto room = open_room(kernel_.place(), space.name);
  if (!room && room.error().code != Code::not_found) return std::unexpected(std::move(room).error());
  if (device.kind == DeviceKind::physical)
    return TRY(give_back(space, device, room ? &*room : nullptr)), Found::yes;
  auto found = Found::yes;
  if (room && !TRY(drop_inside({space, device, *room})) && TRY(sys::is_owned_by_other(room->netns.get())))
    found = Found::no;
  TRY(drop_host_end(space, device));
  return TRY(drop_base(space, device)), found;
}

void Devices::say_lost(const Space& space, const Device& device) {
  said_.push_back(
      fmt::format("{} is not in space {}: if its tenant moved it to a network namespace of his own, it is on "
                  "{} until that "
                  "ends; end his processes",
                  model::str(device), space.name.str(), model::base_link(device).str()));
}

Status Devices::drop(const Space& space, const Device& device, Say say) {
  const auto found = TRY_WRAP("device " + device.name.str(), take_away(space, device));
  if (found == Found::no && say == Say::lost) say_lost(space, device);
  return {};
}

}  // namespace warren::device
