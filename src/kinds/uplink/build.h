// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "host/host.h"
#include "host/kernel.h"
#include "kinds/ids/owners.h"
#include "model/failure.h"
#include "model/plan.h"
#include "rooms/room.h"

namespace warren::uplink {

/// Builds or mends spaces: namespace, link, addresses, routes. A space that fails is undone; the others go
/// on. `begun`: their namespaces, in the same order, where somebody has begun with them already.
[[nodiscard]] Result<std::vector<model::SpaceFailure>> build_spaces(
    host::Kernel& kernel, const model::Settings& settings, const host::HostFacts& facts,
    const std::vector<model::SpaceChange>& changes, const ids::Owners& owners,
    const model::Progress& progress = {}, rooms::RoomSource* begun = nullptr);

/// Deletes the links of spaces at once and lets their namespaces go. Missing pieces are no error.
[[nodiscard]] Status tear_down(host::Kernel& kernel, const model::Settings& settings,
                               const std::vector<const model::Space*>& spaces);

}  // namespace warren::uplink
