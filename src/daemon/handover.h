// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <utility>
#include <vector>

#include "daemon/sockets.h"

namespace warren::daemon {

/// A listener as it is passed on.
struct Handed {
  SpaceName space;
  int fd = -1;
};

/// Puts listeners, any number, into one socket's queue; whoever holds that one descriptor holds them all, so
/// the service manager has one to keep and not thousands.
[[nodiscard]] Result<UniqueFd> pack(const std::vector<Handed>& listeners);
/// Takes them out again. What is no listener of ours is closed.
[[nodiscard]] std::vector<Opened> unpack(int bundle);

}  // namespace warren::daemon
