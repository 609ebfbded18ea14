// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "model/space.h"
#include "store/store.h"
#include "types/element.h"

namespace warren::session {

/// The UIDs that have no business in the host's own namespace, because these spaces have them as members;
/// none where the settings do not ask for that. Sorted, each once.
/// Error: a name service could not be asked.
[[nodiscard]] Result<std::vector<Element>> confined(const std::vector<model::Space>& spaces,
                                                    const model::Settings& settings);
/// Takes from `elements` those UIDs that are still confined by what the store says now: somebody may be a
/// member by himself, by a group, and by a space of his own name.
[[nodiscard]] Status keep_confined(store::Store& store, std::vector<Element>& elements);

}  // namespace warren::session
