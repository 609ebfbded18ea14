// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/service.h"
#include "types/names.h"

namespace warren::store {

class Database;

/// The users and groups that were made members of spaces. Each method fails where the store cannot be read or
/// written.
class Members {
 public:
  explicit Members(Database& db) : db_(&db) {}

  /// Every member with its space, sorted.
  [[nodiscard]] Result<std::vector<std::pair<model::Member, SpaceName>>> all();
  /// Those of one space, sorted.
  [[nodiscard]] Result<std::vector<model::Member>> of(SpaceNumber number);
  /// The space of which it was made a member; nothing where it was not, whatever spaces are called.
  [[nodiscard]] Result<std::optional<SpaceName>> space_of(const model::Member& member);
  /// Error: exists, naming the space whose member it is already; not_found (no such space).
  [[nodiscard]] Status insert(SpaceNumber number, const model::Member& member);
  /// Error: not_found.
  [[nodiscard]] Status erase(SpaceNumber number, const model::Member& member);

 private:
  Database* db_;
};

}  // namespace warren::store
