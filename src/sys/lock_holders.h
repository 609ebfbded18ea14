// SPDX-License-Identifier: GPL-2.0-or-later
// Who has locked a file, so that whoever waits can say for whom.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace warren::sys {

/// The processes that hold a lock (flock(2), or fcntl(2)'s of processes) on the file that is open here, as
/// the kernel lists them. A process is the one that took the lock, even where a child of its keeps it. None:
/// it is free again, or held by something that the kernel does not name.
[[nodiscard]] std::vector<pid_t> lock_holders(int fd);
/// "PID 812 (warren up), PID 813 (warren add web1)"; "another process" for an empty list.
[[nodiscard]] std::string named(const std::vector<pid_t>& pids);
/// Is this process started, directly or by others, by one of these?
[[nodiscard]] bool is_below(const std::vector<pid_t>& pids);

}  // namespace warren::sys
