// SPDX-License-Identifier: GPL-2.0-or-later
// What is said of the IDs of owners, and of the maps that show them to spaces.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/id_block.h"
#include "model/id_map.h"

namespace warren::view {

/// "2026-11-22T03:40:00Z"; null where it is not known.
[[nodiscard]] Json time_json(std::int64_t seconds);
/// The same for people: "2026-11-22 03:40 UTC", or "".
[[nodiscard]] std::string time_text(std::int64_t seconds);
/// "web1,web2", or "-".
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

using MapUses = std::vector<std::pair<SpaceName, model::MapUse>>;
/// The spaces that use a map, and since when: of the default one, those of this owner.
[[nodiscard]] MapUses spaces_of(const model::IdMap& map, const MapUses& uses);
/// "web1,web2", or "-".
[[nodiscard]] std::string names_of(const MapUses& spaces);

/// A map with the block that it shows a part of, and the spaces that use it.
struct ShownMap {
  model::IdMap map;
  model::IdBlock block;
  MapUses spaces;
};
[[nodiscard]] Json to_json(const ShownMap& shown);
/// An entry's parts of the kinds: once, as "uid,gid", where both are the same.
[[nodiscard]] std::vector<std::pair<std::string, const std::vector<model::IdEntry>*>> kinds(
    const model::IdMap& map);

}  // namespace warren::view
