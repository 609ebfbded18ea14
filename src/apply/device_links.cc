// SPDX-License-Identifier: GPL-2.0-or-later
// What devices have on the host: what they sit on, host ends of veths, shims.
#include <algorithm>
#include <fmt/format.h>

#include "apply/device_links.h"
#include "apply/devices.h"
#include "netlink/route.h"
#include "netlink/upper.h"
#include "store/spaces.h"

namespace warren::apply {

using model::Device;
using model::DeviceKind;
using model::Space;
using netlink::Batch;

Status delete_link_if_there(netlink::Socket& socket, const IfName& name) {
  if (!netlink::link_index(socket, name)) return {};
  Batch batch;
  netlink::delete_link(batch, name);
  auto done = socket.run(batch);
  return !done && done.error().code == Code::not_found ? Status() : done;
}

void raise_link(Batch& batch, const IfName& name) {
  netlink::LinkChange change;
  change.up = true;
  netlink::change_link(batch, name, change);
}

namespace {

/// As warren gives them to host ends, by which one is known that somebody renamed.
bool host_mac(const Mac& mac) {
  return mac.bytes[0] == 0x02 && mac.bytes[1] == 0 && mac.bytes[2] == 0 && (mac.bytes[5] & 0x80) != 0;
}

}  // namespace

bool is_own(const netlink::Link& link) {
  const auto group = link.group;
  if (group != model::kLinkGroup && group != model::kLeavingGroup && group != model::kDeviceGroup)
    return false;
  const std::string_view name = link.name;
  if (link.kind == "veth")
    return (name.starts_with("veth_") && name.find("_o") != name.npos) || host_mac(link.mac);
  if (link.kind == "macvlan") return name.starts_with("shim_");
  return link.kind == "vlan" && name.find('.') != name.npos;
}

/// The link that it sits on, which must be up: the kernel raises nothing on one that is down.
Result<netlink::Link> Devices::require_base(const Device& device) {
  const auto name = model::base_link(device);
  auto link = TRY(netlink::get_link(*TRY(host()), name));
  if (!link)
    return fail(Code::not_found,
                fmt::format("there is no interface '{0}' on the host; `ip link` lists them", name.str()));
  if (model::has_own_base(device) && (link->kind != "vlan" || link->vlan != device.vlan))
    return fail(Code::exists, fmt::format("{} of the host is not VLAN {} of {}: rename it", link->name,
                                          device.vlan, device.parent->str()));
  if (!link->up)
    return fail(Code::failed, fmt::format("{0} is down: `ip link set {0} up` first", link->name));
  return std::move(*link);
}

Status Devices::put_base(const Device& device) {
  if (!model::has_own_base(device)) return {};
  const auto name = model::base_link(device);
  auto& socket = *TRY(host());
  Batch batch;
  if (!netlink::link_index(socket, name)) {
    auto parent = device;
    parent.vlan = 0;
    netlink::UpperSpec spec{netlink::UpperSpec::Kind::vlan, name, TRY(require_base(parent)).index, -1, {}};
    spec.vlan = device.vlan;
    spec.group = model::kDeviceGroup;
    netlink::create_upper(batch, spec);
    auto made = socket.run(batch);
    if (!made && made.error().code == Code::exists)
      return fail(Code::exists, fmt::format("VLAN {} of {} has another name on the host: give that as the "
                                            "parent, without a VLAN ID",
                                            device.vlan, device.parent->str()));
    if (!made && made.error().code == Code::unsupported)
      return fail(Code::unsupported, "kernel lacks vlan: " + made.error().what);
    TRY(std::move(made));
    batch.clear();
  }
  const auto link = TRY(netlink::get_link(socket, name));
  if (!link || link->up || link->group != model::kDeviceGroup) return {};
  raise_link(batch, name);
  return socket.run(batch);
}

namespace {

/// What the host calls itself towards the address: its own one on the parent. Else the kernel would take any,
/// even the gateway's on lo.
Result<std::optional<Ip>> source_for(netlink::Socket& host, int parent, const Ip& to) {
  std::optional<Ip> source;
  for (const auto& address : TRY(netlink::dump_addresses(host))) {
    if (address.index != parent || address.ip.family() != to.family()) continue;
    if (Cidr(address.ip, address.prefix).contains(to)) return address.ip;
    if (!source) source = address.ip;
  }
  return source;
}

}  // namespace

Status Devices::put_shim(const Site& site) {
  const auto& device = site.device;
  auto& socket = *TRY(host());
  const auto name = model::host_link(site.space.number, device);
  TRY(drop_host_end(site.space, device));
  netlink::UpperSpec spec{netlink::UpperSpec::Kind::macvlan, name, TRY(require_base(device)).index, -1,
                          model::host_mac(site.space.number, device)};
  spec.mode = kernel_mode(device.mode);
  spec.group = model::kDeviceGroup;
  Batch batch;
  netlink::create_upper(batch, spec);
  raise_link(batch, name);
  TRY(socket.run(batch));
  batch.clear();
  const int index = TRY(netlink::link_index(socket, name));
  for (const auto& address : device.addresses) {
    if (!address.ip.is_v4()) continue;
    netlink::Route route;
    route.dst = Cidr(address.ip, 32);
    route.index = index;
    route.src = TRY(source_for(socket, spec.parent, address.ip));
    netlink::add_route(batch, route);
  }
  auto done = socket.run(batch);
  if (done || done.error().code != Code::exists) return done;
  return fail(Code::exists,
              fmt::format("the host has a route to an address of {} already: delete that, or leave "
                          "the shim out",
                          device.name.str()));
}

Status Devices::put_host_end(const Site& site) {
  const auto& device = site.device;
  if (device.shim) return put_shim(site);
  auto& socket = *TRY(host());
  const auto name = model::host_link(site.space.number, device);
  Batch batch;
  netlink::LinkChange change;
  change.group = model::kDeviceGroup;
  netlink::change_link(batch, name, change);
  if (device.parent) netlink::set_master(batch, name, TRY(netlink::link_index(socket, *device.parent)));
  raise_link(batch, name);
  return socket.run(batch);
}

Status Devices::drop_host_end(const Space& space, const Device& device) {
  if (device.kind != DeviceKind::veth && !device.shim) return {};
  auto& socket = *TRY(host());
  const auto link = TRY(netlink::get_link(socket, model::host_link(space.number, device)));
  if (!link) return {};
  if (link->group == model::kDeviceGroup) return delete_link_if_there(socket, *IfName::parse(link->name));
  return fail(Code::exists, fmt::format("{} on the host is not ours: rename or delete it", link->name));
}

namespace {

/// Does another link of the host's own namespace sit on it, or is it a port?
Result<bool> is_in_use(netlink::Socket& host, const netlink::Link& link) {
  if (link.master != 0) return true;
  const auto all = TRY(netlink::dump_links(host));
  return std::ranges::any_of(all, [&](const netlink::Link& other) {
    return other.kind != "veth" && !other.peer_nsid && other.peer_index == link.index &&
           other.index != link.index;
  });
}

}  // namespace

/// Our VLAN below it goes with the last that has it so. Where it serves as a parent by its name, it stays,
/// and is the host's own from then on.
Status Devices::drop_base(const Space& space, const Device& device) {
  if (!model::has_own_base(device)) return {};
  const auto name = model::base_link(device);
  bool used = false;
  for (const auto& other : TRY(store_.spaces().all()))
    for (const auto& theirs : other.devices) {
      const bool itself = other.number == space.number && theirs.index == device.index;
      if (itself || theirs.leaving || other.state == model::State::removing) continue;
      const bool own = model::has_own_base(theirs) && model::base_link(theirs) == name;
      if (own && other.state == model::State::up) return {};
      used = used || (!own && model::sits_on(theirs, name));
    }
  auto& socket = *TRY(host());
  const auto link = TRY(netlink::get_link(socket, name));
  if (!link || link->group != model::kDeviceGroup) return {};
  if (!used && !TRY(is_in_use(socket, *link))) return delete_link_if_there(socket, name);
  said_.push_back(
      fmt::format("{} stays on the host: others sit on it; delete it when they are gone", name.str()));
  Batch batch;
  netlink::LinkChange change;
  change.group = 0;
  netlink::change_link(batch, name, change);
  return socket.run(batch);
}

}  // namespace warren::apply
