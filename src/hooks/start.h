// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "hooks/find.h"

namespace warren::hooks {

/// A hook that runs, in a session and process group of its own, with what it writes.
struct Running {
  pid_t pid = 0;
  UniqueFd process;  ///< readable when it has ended
  UniqueFd out;
  UniqueFd err;
};

/// What a hook is started with.
struct Order {
  const Place& place;
  const Hook& hook;
  const SpaceName& space;
  const std::vector<std::string>& environment;
  const std::string& input;
};

/// It has nothing of ours but its three streams; a script has itself open as well, as descriptor 3, for its
/// interpreter to read. It ends with this process.
[[nodiscard]] Result<Running> start(const Order& order);

}  // namespace warren::hooks
