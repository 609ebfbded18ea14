// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "types/ip.h"
#include "types/names.h"

namespace warren::model {

enum class DeviceKind : std::uint8_t { veth, macvlan, ipvlan, vlan, physical };
/// Of a macvlan: bridge, private, vepa. Of an ipvlan: l2, l3, l3s. Of the others: none.
enum class DeviceMode : std::uint8_t { none, bridge, private_, vepa, l2, l3, l3s };

inline constexpr auto kLastKind = DeviceKind::physical;
inline constexpr auto kLastMode = DeviceMode::l3s;
inline constexpr std::uint16_t kLastVlan = 4094;
inline constexpr std::uint8_t kLastDevice = 127;  ///< the eighth bit of a MAC's last byte marks the host end

/// An address that an interface had on the host.
struct FormerAddress {
  IpPrefix address;
  std::optional<Ip> peer = {};
  std::optional<Ip> broadcast = {};
  std::uint8_t scope = 0;
  bool no_route = false;  ///< it brought no route to its network
  auto operator<=>(const FormerAddress&) const = default;
};

/// What an interface of the host was before it was moved into a space, so that it comes back as that, and by
/// what it is known again. Who is root of the space's network changes its MAC and its name, and makes others
/// like it; but none without a kind, which only hardware has.
struct Origin {
  std::string kind = {};  ///< "veth", ...; empty: it is real
  Mac mac = {};
  std::optional<Mac> permanent = {};  ///< burnt in
  std::string hardware = {};  ///< what it is a part of, as "pci/0000:00:03.0"; empty: the kernel does not say
  int index = 0;              ///< where it is; what is not real is known by this
  int peer = 0;               ///< on the host: the other end of a veth; 0: there is none
  std::uint32_t mtu = 1500;
  std::uint32_t group = 0;
  bool up = false;
  std::vector<std::string> altnames = {};     ///< sorted
  std::vector<FormerAddress> addresses = {};  ///< sorted
  [[nodiscard]] bool is_real() const { return kind.empty(); }
  bool operator==(const Origin&) const = default;
};

/// An extra interface of a space.
struct Device {
  std::uint8_t index = 0;  ///< given once in its space: a part of its MAC
  DeviceKind kind = DeviceKind::macvlan;
  IfName name;                   ///< inside
  std::optional<IfName> parent;  ///< on the host: what it sits on, the bridge of its host end, or what it is
  std::uint16_t vlan = 0;        ///< 0: none
  DeviceMode mode = DeviceMode::none;
  std::optional<Mac> mac;               ///< given by hand; else derived
  std::vector<IpPrefix> addresses;      ///< sorted
  std::vector<Ip> gateways;             ///< one a family at most, sorted
  std::vector<IpPrefix> old_addresses;  ///< what it had before a change, until that is taken away
  std::vector<Ip> old_gateways;
  bool dhcp = false;
  bool shim = false;             ///< the host has an interface of its own beside it
  bool is_virtual = false;       ///< of a physical one: it may be of a kind that dies with a namespace
  bool leaving = false;          ///< it is being removed
  std::optional<Origin> origin;  ///< of a physical one while it is in the space
  std::optional<Origin> home;    ///< of one that has come back: by this it is known next time

  bool operator==(const Device&) const = default;
  /// As far as the user says: index, leaving, origin and what is old aside.
  [[nodiscard]] bool same_wish(const Device& other) const;
};

[[nodiscard]] std::string_view name(DeviceKind kind);
[[nodiscard]] std::string_view name(DeviceMode mode);  ///< empty for none
/// Error: usage, with those that there are.
[[nodiscard]] Result<DeviceKind> parse_kind(std::string_view text);
[[nodiscard]] Result<DeviceMode> parse_mode(std::string_view text);

/// Fills in what was left out (the mode of its kind, its name), sorts, and refuses what cannot be. `index`
/// must be set. Error: usage, with the remedy.
[[nodiscard]] Status complete(Device& device);
/// The lowest that none of them has; nothing where there are 127 of them.
[[nodiscard]] std::optional<std::uint8_t> free_index(const std::vector<Device>& devices);

/// What the kernel is told of it.
[[nodiscard]] Mac device_mac(SpaceNumber number, const Device& device);
[[nodiscard]] Mac host_mac(SpaceNumber number, const Device& device);  ///< of a host end or a shim
/// The host end of a veth, or the shim beside a macvlan: "veth_7_o1", "shim_7_1".
[[nodiscard]] IfName host_link(SpaceNumber number, const Device& device);
/// What a macvlan or ipvlan sits on: its parent, or the parent's VLAN: "eth0.100".
[[nodiscard]] IfName base_link(const Device& device);
/// Is that interface of the host below it, as base or as the base's own parent?
[[nodiscard]] bool sits_on(const Device& device, const IfName& link);
/// Is the base an interface that warren makes where it is missing?
[[nodiscard]] bool has_own_base(const Device& device);
/// The metric of the default route by its gateway: after that of the uplink, and in the order of indices.
[[nodiscard]] std::uint32_t route_metric(const Device& device, Family family);

/// Notes in `after` what `before` has and it has not.
void note_old(const Device& before, Device& after);

/// In words: "macvlan eth1 on uplink".
[[nodiscard]] std::string str(const Device& device);

/// What a device consists of in the kernel.
enum class DevicePart : std::uint8_t {
  link,       ///< it is there, of its kind, on its parent
  mac,        ///< its own
  up,         ///< and its parent is
  addresses,  ///< those given by hand, and no old ones
  gateways,   ///< default routes
  host_end,   ///< host end of a veth, or shim
  client,     ///< the DHCP client runs, or there is none and no lease of one
};
inline constexpr unsigned kDevicePartCount = static_cast<unsigned>(DevicePart::client) + 1;

}  // namespace warren::model
