// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/device.h"
#include "model/space.h"

namespace warren::store {

class Database;

/// The devices of all spaces. Each method fails where the store cannot be read or written.
class Devices {
 public:
  explicit Devices(Database& db) : db_(&db) {}

  /// A device and where it is: what operations ask of others' devices without loading their spaces.
  struct Placed {
    SpaceName space;
    SpaceNumber number;
    model::State state;    ///< of the space
    model::Device device;  ///< without its addresses, its gateways and its origin
  };

  /// The devices whose parent is this interface of the host, in any VLAN, sorted by space.
  [[nodiscard]] Result<std::vector<Placed>> on(const IfName& parent);
  /// Those of this kind and VLAN (0: none) on it.
  [[nodiscard]] Result<std::vector<Placed>> on(const IfName& parent, model::DeviceKind kind,
                                               std::uint16_t vlan);
  /// The devices that have this address, on whatever segments, sorted by space. What a device had before a
  /// change and its gateways do not count.
  [[nodiscard]] Result<std::vector<Placed>> with_address(const Ip& ip);
  /// The spaces that have devices, sorted by name; nothing is read of those that have none.
  [[nodiscard]] Result<std::vector<SpaceName>> owners();
  /// Is there a device whose parent this is, other than that of this space and index?
  [[nodiscard]] Result<bool> any_other_on(const IfName& parent, SpaceNumber number, std::uint8_t index);

  /// Adds a device, or puts it in the place of that with its index, with its addresses and its origin.
  /// Error: not_found (no such space).
  [[nodiscard]] Status put(SpaceNumber number, const model::Device& device);
  /// The same, but one that is not there any more does not come back.
  [[nodiscard]] Status change(SpaceNumber number, const model::Device& device);
  /// Error: not_found.
  [[nodiscard]] Status erase(SpaceNumber number, std::uint8_t index);

 private:
  Database* db_;
};

}  // namespace warren::store
