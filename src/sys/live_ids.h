// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "types/id_map.h"

namespace warren::sys {

/// A user namespace in which processes live.
struct LiveIds {
  pid_t pid = 0;  ///< one of them
  IdRuns runs;    ///< of host IDs as we see them
};

/// All that are not our own. Those kept by a file alone, without a process, are not seen.
[[nodiscard]] Result<std::vector<LiveIds>> live_ids();

}  // namespace warren::sys
