// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/space.h"
#include "types/element.h"

namespace warren::model {

/// All that the kernel is told of one space: a pure function of its number, its name and the settings.
struct Wiring {
  IfName outer;           ///< host end of the veth
  IfName inner;           ///< end inside the space
  std::string outer_alt;  ///< full name where `outer` is shortened, else empty
  std::string inner_alt;
  Mac outer_mac;
  Mac inner_mac;
  Ip ip4;
  std::optional<Ip> ip6;  ///< nothing where IPv6 is off
};

inline constexpr std::uint32_t kLinkGroup = 30561;     ///< host ends of all spaces: 0x7761, "wa"
inline constexpr std::uint32_t kDeviceGroup = 30563;   ///< host ends, shims and VLANs made for devices
inline constexpr std::uint32_t kLeavingGroup = 30562;  ///< host ends on their way out; gone in one request

[[nodiscard]] Wiring wiring(const Space& space, const Settings& settings);
/// The number of the space that warren gave this MAC to, inside of it; nothing where it is not of that form.
[[nodiscard]] std::optional<SpaceNumber> number_in(const Mac& mac);
/// The host's own addresses towards the spaces, on its lo: pool + 1 and ULA:1::1.
[[nodiscard]] Ip gateway4(const Settings& settings);
[[nodiscard]] std::optional<Ip> gateway6(const Settings& settings);
/// Where the default IPv6 route of a space points: fe80::1, known by a permanent neighbour entry.
[[nodiscard]] Ip link_gateway6();
/// pool + n. The number must fit the pool (see check_number).
[[nodiscard]] Ip address4(const Settings& settings, SpaceNumber number);
/// ULA:n::2; nothing where IPv6 is off.
[[nodiscard]] std::optional<Ip> address6(const Settings& settings, SpaceNumber number);
/// The highest number that the pool has an address for.
[[nodiscard]] SpaceNumber last_number(const Settings& settings);
/// Is this an address a space may be given by hand? Error: usage, saying why not.
[[nodiscard]] Status check_address(const Settings& settings, const Ip& ip);
/// The elements that stand for a space that is up, and for its forwards.
[[nodiscard]] std::vector<Element> elements(const Space& space, const Settings& settings);
/// What the kernel translates for this space: those services in nat mode that cover it.
[[nodiscard]] std::vector<const Service*> nat_services(const Space& space, const Settings& settings);
/// Is there any at all, for any space?
[[nodiscard]] bool has_nat_services(const Settings& settings);
/// The elements that let a space reach the targets of these services, should they be on the host. Sorted,
/// each once: two services may lead to one target.
[[nodiscard]] std::vector<Element> service_elements(const Space& space, const Settings& settings);
/// The elements of one forward: one, or one for each family.
[[nodiscard]] std::vector<Element> elements(const Forward& forward, const Wiring& wiring);

}  // namespace warren::model
