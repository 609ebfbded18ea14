// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>

#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren {

/// The sets and maps of table `inet warren` whose elements stand for spaces and forwards.
/// Each but the last two comes once per family; Element::family says which.
enum class SetId : std::uint8_t {
  sources,      ///< interface . address: what a space may send from
  no_nat,       ///< address: a space that leaves under its own address
  forwards,     ///< protocol . port : address . port, any host address
  forwards_at,  ///< host address . protocol . port : address . port
  ranges,       ///< protocol . port-range : address
  ranges_at,    ///< host address . protocol . port-range : address
  services,     ///< interface . address . protocol . port: what a space may reach on the host (IPv4)
  confined,     ///< UID: a member, who has no business in the host's own namespace
};

/// Does the set stand once, whatever the family?
constexpr bool has_one_family(SetId set) { return set == SetId::services || set == SetId::confined; }

/// One element of one of these sets. Fields that the set has no place for keep their default.
struct Element {
  SetId set = SetId::sources;
  Family family = Family::v4;
  IfName interface;  ///< sources, services
  Ip address;        ///< sources, no_nat: the space's; *_at, services: the host's
  Proto proto = Proto::tcp;
  PortRange ports;
  Ip to;
  Port to_port = 0;       ///< forwards and forwards_at only
  std::uint32_t uid = 0;  ///< confined only

  auto operator<=>(const Element&) const = default;
};

}  // namespace warren
