// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting for a process that we started, never for ever.
#pragma once

#include <chrono>
#include <optional>
#include <sys/types.h>

namespace warren::sys {

/// Waits for a child until it has ended; its status is as waitpid(2) gives it. Nothing: the time was up, and
/// it still runs.
[[nodiscard]] std::optional<int> wait_for_child(pid_t pid, std::chrono::milliseconds patience);
/// Kills a child, and waits for that to be done: its status. Nothing: after five seconds it is still there,
/// for it hangs in the kernel, as those do that wait for a disk or a server that does not answer.
[[nodiscard]] std::optional<int> end_child(pid_t pid);

}  // namespace warren::sys
