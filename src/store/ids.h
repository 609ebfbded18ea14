// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/id_block.h"
#include "model/id_map.h"
#include "types/names.h"

namespace warren::store {

class Database;

/// ID blocks, ID maps, and which space uses which map. Each method fails where the store cannot be read or
/// written.
class Ids {
 public:
  explicit Ids(Database& db) : db_(&db) {}

  /// Every ID block, also those in quarantine, sorted by IDs.
  [[nodiscard]] Result<std::vector<model::IdBlock>> blocks();
  /// The block that the owner has; one in quarantine is not his any more.
  [[nodiscard]] Result<std::optional<model::IdBlock>> block_of(const OwnerName& owner);
  /// Error: exists (the owner has one, or a block begins there). Overlaps are for model::check_free to find
  /// first.
  [[nodiscard]] Status insert_block(const model::IdBlock& block);
  /// The owner's block is nobody's from `since` on (seconds since 1970), in quarantine. Error: not_found.
  [[nodiscard]] Status quarantine_block(const OwnerName& owner, std::int64_t since);
  /// Forgets the block that begins there. Error: not_found.
  [[nodiscard]] Status erase_block(std::uint32_t first);

  /// Every ID map, sorted by name.
  [[nodiscard]] Result<std::vector<model::IdMap>> maps();
  [[nodiscard]] Result<std::optional<model::IdMap>> map(const MapName& name);
  /// Error: exists.
  [[nodiscard]] Status insert_map(const model::IdMap& map);
  /// Error: not_found; exists, while it is assigned.
  [[nodiscard]] Status erase_map(const MapName& name);

  /// The spaces to which a map, or an owner, was assigned, sorted by name.
  [[nodiscard]] Result<std::vector<std::pair<SpaceName, model::MapUse>>> uses();
  [[nodiscard]] Result<std::optional<model::MapUse>> use_of(SpaceNumber number);
  /// Error: not_found (no such space or map).
  [[nodiscard]] Status set_use(SpaceNumber number, const model::MapUse& use);
  /// Back to the default of the owner of the space's own name.
  [[nodiscard]] Status clear_use(SpaceNumber number);

 private:
  Database* db_;
};

}  // namespace warren::store
