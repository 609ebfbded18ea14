// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/place.h"
#include "store/store.h"

namespace warren::ids {

/// Writes our section of /etc/subuid and /etc/subgid, or takes it away. Gives the files that it changed.
[[nodiscard]] Result<std::vector<std::string>> write_subids(const Place& place, store::Store& store,
                                                            bool remove);

/// The files that have a section of ours which is not what the blocks are.
[[nodiscard]] Result<std::vector<std::string>> stale_subids(const Place& place, store::Store& store);
/// Brings these sections up to date, and takes away locks that the dead have left; where there is none, none
/// is made. Gives the files that it changed.
[[nodiscard]] Result<std::vector<std::string>> mend_subids(const Place& place, store::Store& store);

}  // namespace warren::ids
