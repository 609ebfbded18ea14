// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "types/ip.h"
#include "types/names.h"

namespace warren::store {

class Database;

/// What there is once in a store. Each method fails where the store cannot be read or written.
class Meta {
 public:
  explicit Meta(Database& db) : db_(&db) {}

  /// The network from which IPv6 addresses derive, once it has been made.
  [[nodiscard]] Result<std::optional<Cidr>> ula();
  [[nodiscard]] Status set_ula(const Cidr& ula);

  /// Grows by one with each commit that changed something, and never falls. An empty store has 0.
  [[nodiscard]] Result<std::int64_t> revision();
  /// The number that was given to a space last.
  [[nodiscard]] Result<SpaceNumber> last_number();
  [[nodiscard]] Status set_last_number(SpaceNumber number);

  /// For a store that takes the place of another.
  [[nodiscard]] Status set_revision(std::int64_t revision);

 private:
  Database* db_;
};

}  // namespace warren::store
