// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/device.h"
#include "model/id_block.h"
#include "model/service.h"
#include "types/element.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren::model {

/// A way in: host address (or any), protocol, port or range -> port of a space.
struct Forward {
  Proto proto = Proto::tcp;
  std::optional<Ip> host;  ///< nothing: every address of the host, both families
  PortRange ports;         ///< on the host
  Port to = 1;             ///< in the space; a range keeps its ports, then to == ports.first

  /// Could both stand? No, when protocol and ports meet and the host addresses are equal or one is "any".
  [[nodiscard]] bool collides(const Forward& other) const;
  /// "tcp 6000 -> 8080", "udp 203.0.113.1:53 -> 53", "tcp 8000-8099".
  [[nodiscard]] std::string str() const;
  /// As a port specification that parses to the same forward: "203.0.113.1:53:53/udp".
  [[nodiscard]] std::string spec() const;
  auto operator<=>(const Forward&) const = default;
};

/// What the user wants of a space.
enum class State : std::uint8_t {
  up,
  down,      ///< kept in the store, nothing of it in the kernel
  removing,  ///< `rm` has begun; what is left of it must go
};
inline constexpr State kLastState = State::removing;
[[nodiscard]] std::string_view name(State state);

/// A tenant's isolated network, as desired.
struct Space {
  SpaceNumber number = 0;
  SpaceName name;
  std::optional<Ip> ip4;  ///< given by hand; else derived from the number
  std::optional<Ip> ip6;
  bool nat = true;
  bool adopted = false;  ///< its namespace was made by somebody else
  bool uplink = true;    ///< false: no veth, no NAT; it lives on its devices alone
  State state = State::up;
  std::vector<Forward> forwards;  ///< sorted
  std::vector<Device> devices;    ///< sorted by index
  std::vector<Member> members;    ///< whose sessions land in it, sorted

  bool operator==(const Space&) const = default;
};

/// Who may be reached on the host itself from a space.
enum class HostAccess : std::uint8_t { services, all };
/// From where forwards can be reached.
enum class Publish : std::uint8_t { everywhere, outside_only };

/// The operator's settings: the configuration file, with defaults for all that it leaves out.
struct Settings {
  Cidr pool{Ip::v4(0x64400000), 16};  ///< 100.64.0.0/16, RFC 6598
  std::optional<Cidr> ula;            ///< a /48 (RFC 4193); nothing: made once and kept in the store
  std::optional<IfName> uplink;       ///< nothing: the interface of the default route
  bool no_uplink = false;             ///< uplink = "none": spaces have no way out, and none is missed
  bool ipv6 = true;
  HostAccess host_access = HostAccess::services;
  std::vector<ProtoPort> host_services;
  Publish publish = Publish::everywhere;
  PortRange port_range{40000, 61000};         ///< where a free host port is looked for
  std::uint32_t conntrack_per_space = 65536;  ///< 0: no cap
  bool confine = false;                       ///< members' UIDs send nothing from the host's own namespace
  std::uint32_t min_uid = 1000;     ///< users with lower UIDs belong on the host, whatever else is said
  std::uint32_t hook_timeout = 30;  ///< seconds that each hook may take
  IdSettings ids;
  std::vector<Service> services;  ///< from the store, like `ula`; sorted by name

  bool operator==(const Settings&) const = default;
};

/// What the store and the configuration say, of all spaces or of those that an operation touches.
struct Desired {
  Settings settings;              ///< settings.ula is always set here when settings.ipv6
  std::vector<Space> spaces;      ///< sorted by number
  std::vector<Element> confined;  ///< the members' UIDs, where they are confined
  bool others_up = false;         ///< there are spaces that are up, beside these
};

}  // namespace warren::model
