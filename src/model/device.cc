// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/device.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace warren::model {
namespace {

constexpr std::array<std::string_view, static_cast<unsigned>(kLastDeviceKind) + 1> kKinds{
    "veth", "macvlan", "ipvlan", "vlan", "physical"};
constexpr std::array<std::string_view, static_cast<unsigned>(kLastDeviceMode) + 1> kModes{
    "", "bridge", "private", "vepa", "l2", "l3", "l3s"};
constexpr std::size_t kMostAddresses = 64;

std::unexpected<Error> refuse(std::string what) { return fail(Code::usage, std::move(what)); }

/// "an ipvlan"
std::string one(DeviceKind kind) {
  if (kind == DeviceKind::physical) return "a physical device";
  return fmt::format("{} {}", kind == DeviceKind::ipvlan ? "an" : "a", name(kind));
}

std::string default_name(const Device& device) {
  if (device.kind == DeviceKind::physical && device.parent) return device.parent->str();
  if (device.kind == DeviceKind::vlan) return fmt::format("vlan{}", device.vlan);
  return fmt::format("eth{}", device.index);
}

bool fits(DeviceKind kind, DeviceMode mode) {
  if (kind == DeviceKind::macvlan) return mode >= DeviceMode::bridge && mode <= DeviceMode::vepa;
  if (kind == DeviceKind::ipvlan) return mode >= DeviceMode::l2;
  return mode == DeviceMode::none;
}

Status complete_mode(Device& device) {
  if (device.mode == DeviceMode::none && device.kind == DeviceKind::macvlan) device.mode = DeviceMode::bridge;
  if (device.mode == DeviceMode::none && device.kind == DeviceKind::ipvlan) device.mode = DeviceMode::l2;
  if (fits(device.kind, device.mode)) return {};
  if (device.kind == DeviceKind::macvlan)
    return refuse(fmt::format("mode {} is not one of a macvlan: bridge, private or vepa", name(device.mode)));
  if (device.kind == DeviceKind::ipvlan)
    return refuse(fmt::format("mode {} is not one of an ipvlan: l2, l3 or l3s", name(device.mode)));
  return refuse(fmt::format("{} has no modes: leave mode {} out", one(device.kind), name(device.mode)));
}

Status check_parent(const Device& device) {
  const auto kind = one(device.kind);
  if (!device.parent && device.kind != DeviceKind::veth)
    return refuse(fmt::format("{} needs a parent: name the interface of the host", kind));
  if (device.kind == DeviceKind::vlan && device.vlan == 0) return refuse("a vlan needs a VLAN ID, 1 to 4094");
  if (device.vlan > kLastVlan)
    return refuse(fmt::format("VLAN ID {} is out of range: give 1 to 4094", device.vlan));
  if (device.vlan != 0 && (device.kind == DeviceKind::veth || device.kind == DeviceKind::physical))
    return refuse(fmt::format("{} has no VLAN ID: leave it out, or make it a vlan", kind));
  if (has_own_base(device) &&
      device.parent->str().size() + fmt::format(".{}", device.vlan).size() > kIfNameMax)
    return refuse(fmt::format("'{}.{}' is too long for an interface: give the parent a shorter name",
                              device.parent->str(), device.vlan));
  return {};
}

Status check_options(const Device& device) {
  const auto kind = name(device.kind);
  if (device.shim && device.kind != DeviceKind::macvlan)
    return refuse(fmt::format("a host shim is for macvlan, not for {}", kind));
  if (device.shim && device.mode != DeviceMode::bridge)
    return refuse(fmt::format("a host shim needs mode bridge: in mode {} nothing passes between the two",
                              name(device.mode)));
  const auto v4 = [](const IpPrefix& address) { return address.ip.is_v4(); };
  if (device.shim && std::ranges::none_of(device.addresses, v4))
    return refuse("a host shim needs an IPv4 address of the device, to which it is the route");
  if (device.is_virtual && device.kind != DeviceKind::physical)
    return refuse(fmt::format("only a physical device may be told to be virtual, not a {}", kind));
  if (device.mac && device.kind == DeviceKind::ipvlan)
    return refuse("an ipvlan has the MAC of its parent: leave the MAC out");
  if (device.mac && !device.mac->is_unicast())
    return refuse(fmt::format("MAC {} is not one of a single interface: its first byte must be even",
                              device.mac->str()));
  if (device.dhcp && device.kind == DeviceKind::ipvlan)
    return refuse("DHCP does not work on an ipvlan: all have one MAC; give an address, or use macvlan");
  return {};
}

Status check_addresses(const Device& device) {
  if (device.addresses.size() > kMostAddresses)
    return refuse(
        fmt::format("{} addresses are too many: at most {}", device.addresses.size(), kMostAddresses));
  std::set<Ip> seen;
  for (const auto& address : device.addresses)
    if (!seen.insert(address.ip).second)
      return refuse(fmt::format("address {} is given twice: leave one out", address.ip.str()));
  std::set<Family> families;
  for (const auto& gateway : device.gateways) {
    if (!families.insert(gateway.family()).second)
      return refuse(fmt::format("gateway {} is one too many: give one a family", gateway.str()));
    if (gateway.is_loopback() || gateway.is_unspecified() || seen.contains(gateway))
      return refuse(fmt::format("gateway {} is no other host: give the router's address", gateway.str()));
    const auto of_family = [&](const IpPrefix& one) { return one.ip.family() == gateway.family(); };
    if (std::ranges::none_of(device.addresses, of_family))
      return refuse(fmt::format("gateway {} needs an address of its family", gateway.str()));
  }
  return {};
}

Mac derived(SpaceNumber number, const Device& device, bool host_end) {
  const auto low = [](unsigned value) { return static_cast<std::uint8_t>(value & 0xff); };
  return {{0x02, low(device.vlan >> 8U), low(device.vlan), low(number >> 8U), low(number),
           low(device.index | (host_end ? 0x80U : 0U))}};
}

}  // namespace

bool Device::same_wish(const Device& other) const {
  auto copy = other;
  copy.index = index, copy.leaving = leaving, copy.origin = origin, copy.home = home;
  copy.old_addresses = old_addresses, copy.old_gateways = old_gateways;
  return *this == copy;
}

std::string_view name(DeviceKind kind) { return kKinds[static_cast<unsigned>(kind)]; }
std::string_view name(DeviceMode mode) { return kModes[static_cast<unsigned>(mode)]; }

Result<DeviceKind> parse_kind(std::string_view text) {
  const auto found = std::ranges::find(kKinds, text);
  if (found != kKinds.end()) return static_cast<DeviceKind>(found - kKinds.begin());
  return fail(Code::usage,
              fmt::format("'{}' is no type of device: there are veth, macvlan, ipvlan, vlan and physical",
                          shown(text)));
}

Result<DeviceMode> parse_mode(std::string_view text) {
  const auto found = std::ranges::find(kModes, text);
  if (!text.empty() && found != kModes.end()) return static_cast<DeviceMode>(found - kModes.begin());
  return fail(Code::usage,
              fmt::format("'{}' is no mode: a macvlan has bridge, private and vepa, an ipvlan l2, l3 and l3s",
                          shown(text)));
}

Status complete(Device& device) {
  TRY(complete_mode(device));
  TRY(check_parent(device));
  if (device.name.str().empty()) device.name = TRY(IfName::parse(default_name(device)));
  if (device.name.str() == "lo") return refuse("lo is every space's own: give another name");
  std::ranges::sort(device.addresses);
  std::ranges::sort(device.gateways);
  TRY(check_addresses(device));
  return check_options(device);
}

std::optional<std::uint8_t> free_index(const std::vector<Device>& devices) {
  for (std::uint8_t index = 1; index <= kLastDevice; ++index)
    if (std::ranges::find(devices, index, &Device::index) == devices.end()) return index;
  return std::nullopt;
}

Mac device_mac(SpaceNumber number, const Device& device) {
  return device.mac ? *device.mac : derived(number, device, false);
}

Mac host_mac(SpaceNumber number, const Device& device) { return derived(number, device, true); }

IfName host_link(SpaceNumber number, const Device& device) {
  const auto text = device.shim ? fmt::format("shim_{}_{}", number, device.index)
                                : fmt::format("veth_{}_o{}", number, device.index);
  return *IfName::parse(text);
}

bool has_own_base(const Device& device) {
  return device.vlan != 0 && (device.kind == DeviceKind::macvlan || device.kind == DeviceKind::ipvlan);
}

IfName base_link(const Device& device) {
  if (!has_own_base(device)) return device.parent.value_or(IfName());
  return *IfName::parse(fmt::format("{}.{}", device.parent->str(), device.vlan));
}

bool sits_on(const Device& device, const IfName& link) {
  return base_link(device) == link || device.parent == link;
}

std::uint32_t route_metric(const Device& device, Family family) {
  return (family == Family::v4 ? 100U : 1124U) + device.index;
}

void note_old(const Device& before, Device& after) {
  const auto note = [](const auto& had, const auto& has, auto& old) {
    for (const auto& one : had)
      if (std::ranges::find(old, one) == old.end()) old.push_back(one);
    std::erase_if(old, [&](const auto& one) { return std::ranges::find(has, one) != has.end(); });
    std::ranges::sort(old);
  };
  after.old_addresses = before.old_addresses, after.old_gateways = before.old_gateways;
  note(before.addresses, after.addresses, after.old_addresses);
  note(before.gateways, after.gateways, after.old_gateways);
}

std::string str(const Device& device) {
  auto text = fmt::format("{} {}", name(device.kind), device.name.str());
  if (device.vlan != 0) text += fmt::format(" of VLAN {}", device.vlan);
  if (device.parent) text += fmt::format(" on {}", device.parent->str());
  return text;
}

}  // namespace warren::model
