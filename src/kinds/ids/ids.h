// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "base/place.h"
#include "model/id_map.h"
#include "model/space.h"
#include "store/store.h"
#include "types/id_map.h"

namespace warren::ids {

/// What a user namespace of this space is told: the map named, or the one assigned to the space, or its
/// owner's default (0:0:524288); allocates the owner's block where he has none. The owner of a space is the
/// space itself unless `warren map assign` said otherwise. "default" names the owner's default. Not to be
/// called inside a transaction. Error: not_found (no such map), exists (the IDs that it needs are another's).
[[nodiscard]] Result<IdRuns> id_runs(const Place& place, store::Store& store,
                                     const model::IdSettings& settings, const model::Space& space,
                                     const std::optional<std::string>& map);

/// The map that id_runs takes, and the block that it is a part of.
struct SpaceIds {
  model::IdMap map;
  model::IdBlock block;
};
[[nodiscard]] Result<SpaceIds> space_ids(const Place& place, store::Store& store,
                                         const model::IdSettings& settings, const model::Space& space,
                                         const std::optional<std::string>& map);

}  // namespace warren::ids
