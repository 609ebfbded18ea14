// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/derive.h"
#include "model/space.h"
#include "types/element.h"

namespace warren::model {

/// What a space consists of in the kernel.
enum class Part : std::uint32_t {
  netns,  ///< its namespace, pinned under its name
  veth,   ///< both ends of its link, each where it belongs
  outer_mac,
  inner_mac,
  group,     ///< the host end is in the link group
  mtu,       ///< both ends have the uplink's
  outer_up,  ///< up, NOARP, no autoconfiguration
  inner_up,
  forwarding4,  ///< of the host end, with route_localnet
  forwarding6,  ///< of the host end, with no router advertisements taken
  lo_up,
  address4,
  address6,
  default4,  ///< default route inside
  default6,
  gateway_neighbour4,  ///< the gateway's MAC, known inside
  gateway_neighbour6,
  route4,  ///< host route to the space
  route6,
  neighbour4,  ///< the space's MAC, known on the host
  neighbour6,
  services,  ///< inside: what of 127.0.0.1 leads to services, and nothing else
};
inline constexpr unsigned kPartCount = static_cast<unsigned>(Part::services) + 1;

/// A set of parts, each a bit.
template <class E>
class SetOf {
 public:
  constexpr SetOf() = default;
  constexpr SetOf(std::initializer_list<E> parts) {
    for (const auto part : parts) bits_ |= bit(part);
  }
  [[nodiscard]] constexpr bool has(E part) const { return (bits_ & bit(part)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  constexpr void set(E part, bool on = true) { bits_ = on ? bits_ | bit(part) : bits_ & ~bit(part); }
  [[nodiscard]] constexpr SetOf without(SetOf other) const {
    SetOf left;
    left.bits_ = bits_ & ~other.bits_;
    return left;
  }
  constexpr bool operator==(const SetOf&) const = default;

 private:
  static constexpr std::uint32_t bit(E part) { return std::uint32_t{1} << static_cast<unsigned>(part); }
  std::uint32_t bits_ = 0;
};
using Parts = SetOf<Part>;
using DeviceParts = SetOf<DevicePart>;

/// Every part that this space has under these settings.
[[nodiscard]] Parts all_parts(const Space& space, const Settings& settings);
/// Every part that this device has.
[[nodiscard]] DeviceParts all_parts(const Device& device);
/// What is wrong with the device when this part is missing, in words.
[[nodiscard]] std::string fault(DevicePart part, const Space& space, const Device& device);
/// What is wrong when this part is missing or not as it should be, in words.
[[nodiscard]] std::string fault(Part part, const Space& space, const Wiring& wiring);

/// What of the host itself serves all spaces.
enum class HostPart : std::uint8_t { gateway4, gateway6, pool_route4, pool_route6 };

/// A kernel setting of the host that must have a value.
struct SysctlChange {
  std::string key;
  int from = 0;
  int to = 0;
  bool operator==(const SysctlChange&) const = default;
};

/// What the kernel has of one space.
struct ObservedSpace {
  Parts right;
  bool outer_exists = false;              ///< there is a link with the name of its host end
  bool pin_exists = false;                ///< there is a file with its name under /run/netns
  std::vector<DeviceParts> devices = {};  ///< what is right of each of Space::devices
};

/// What the kernel has.
struct Observed {
  std::vector<ObservedSpace> spaces;     ///< in the order of Desired::spaces
  std::vector<std::string> stray_links;  ///< in our link groups, but of no space
  std::vector<HostPart> host_missing;
  std::vector<SysctlChange> sysctls;  ///< those that have another value
  bool table = false;                 ///< our nft table stands
  bool rules_right = false;           ///< ... with the rules that the settings ask for
  std::vector<Element> elements;      ///< sorted
};

/// What is to be done for one space.
struct SpaceChange {
  enum class Kind { build, mend, tear_down };
  Kind kind = Kind::build;
  const Space* space = nullptr;  ///< in Desired
  Parts missing;
  ObservedSpace seen;
};

/// What is to be done for one device. Those of a space that is torn down go with it, and are not told of.
struct DeviceChange {
  enum class Kind { put, drop };
  Kind kind = Kind::put;
  const Space* space = nullptr;  ///< in Desired
  const Device* device = nullptr;
  DeviceParts missing;
};

/// The steps from observed to desired, in the order in which they run.
struct Plan {
  std::vector<Element> remove;  ///< first: what must not be reachable any more
  std::vector<std::string> stray_links;
  std::vector<HostPart> host;
  std::vector<SysctlChange> sysctls;
  bool table_missing = false;
  bool new_rules = false;     ///< the table is made anew, with all elements
  bool remove_table = false;  ///< no space is left that needs it
  std::vector<SpaceChange> spaces;
  std::vector<DeviceChange> devices;
  std::vector<Element> add;  ///< last: what is whole may be reached

  [[nodiscard]] bool empty() const;
  /// One line a fault, in the words of `check`.
  [[nodiscard]] std::vector<std::string> faults(const Settings& settings) const;
};

/// Pure: the same input gives the same plan.
[[nodiscard]] Plan plan(const Desired& desired, const Observed& observed);

}  // namespace warren::model
