// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "base/place.h"
#include "model/space.h"
#include "store/store.h"
#include "types/id_map.h"

namespace warren::ids {

/// The IDs of the user namespaces that the network namespaces of these spaces belong to.
using Owners = std::map<SpaceNumber, IdRuns>;
/// For those of these spaces, which get a new network namespace, that have a map assigned; the others' are
/// the host's, as all are where the place is in a user namespace of its own.
[[nodiscard]] Result<Owners> find_owners(const Place& place, store::Store& store,
                                         const model::IdSettings& settings,
                                         const std::vector<const model::Space*>& spaces);

}  // namespace warren::ids
