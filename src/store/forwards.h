// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/space.h"
#include "types/port.h"

namespace warren::store {

class Database;

/// The forwards of all spaces. Each method fails where the store cannot be read or written.
class Forwards {
 public:
  /// A forward and the space that holds it.
  using Held = std::pair<SpaceName, model::Forward>;

  explicit Forwards(Database& db) : db_(&db) {}

  /// Error: not_found (no such space), exists (the same protocol, host address and first port stand already).
  /// Partial overlaps are for collision() to find first.
  [[nodiscard]] Status insert(SpaceNumber number, const model::Forward& forward);
  /// Error: not_found.
  [[nodiscard]] Status erase(SpaceNumber number, const model::Forward& forward);

  /// A standing forward (those of spaces being removed count too) that cannot stand beside this one.
  [[nodiscard]] Result<std::optional<Held>> collision(const model::Forward& forward);
  /// Every forward that has this port of the host, of any protocol and host address.
  [[nodiscard]] Result<std::vector<Held>> of_port(Port port);
  /// What is taken within `range`, on whatever host address: sorted, apart from each other, clipped to
  /// `range`.
  [[nodiscard]] Result<std::vector<PortRange>> used(Proto proto, PortRange range);

 private:
  Database* db_;
};

}  // namespace warren::store
