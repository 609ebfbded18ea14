// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/device.h"

namespace warren::store {

class Database;

/// The devices of all spaces. Each method fails where the store cannot be read or written.
class Devices {
 public:
  explicit Devices(Database& db) : db_(&db) {}

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
