// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "types/id_map.h"

namespace warren::sys {

/// A user namespace that lives by a process, or by a network namespace that has a name.
struct LiveIds {
  pid_t pid = 0;    ///< one of its processes; 0: it has none
  std::string pin;  ///< where it has no process: the name of its pin
  IdRuns runs;      ///< of host IDs as we see them
};

/// All that are not our own. Those kept by another file alone are not seen. May fork, see runs_of().
[[nodiscard]] Result<std::vector<LiveIds>> live_ids(const Place& place);

}  // namespace warren::sys
