// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>

#include "guest/request.h"
#include "sys/lock.h"

namespace warren::guest {

/// Runs a command in user, mount, PID, UTS, IPC, cgroup and network namespaces of a space, and gives its exit
/// status (128 and the signal's number, where one ended it). The calling process has one thread, and is of no
/// other use afterwards: it stays in the space's network namespace. When it ends, however, so does the guest.
/// The lock is let go once a process has the IDs of the request.
[[nodiscard]] Result<int> run(const Request& request, std::optional<sys::IdsLock> lock);

}  // namespace warren::guest
