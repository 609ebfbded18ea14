// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "model/plan.h"
#include "store/store.h"
#include "types/id_map.h"

namespace warren::ids {

/// The IDs of the user namespaces that the network namespaces of these spaces belong to.
using Owners = std::map<SpaceNumber, IdRuns>;
/// For those that get a new network namespace and have a map assigned; the others' are the host's.
[[nodiscard]] Result<Owners> find_owners(store::Store& store, const model::IdSettings& settings,
                                         const std::vector<model::SpaceChange>& changes);

}  // namespace warren::ids
