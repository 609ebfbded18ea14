// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "sys/netns.h"

namespace warren::sys {

/// A process and the network namespace of its main thread.
struct Process {
  pid_t pid = 0;
  NetnsId netns;
};

/// Its effective user; nothing when it is gone.
[[nodiscard]] std::optional<uid_t> user_of(pid_t pid);
/// The unit or scope that systemd runs it in (cgroups(7)): "cron.service"; empty where there is none.
[[nodiscard]] std::string unit_of(pid_t pid);

/// Every process whose namespace can be seen.
[[nodiscard]] Result<std::vector<Process>> processes();
/// Its command line with blanks between, made printable; its short name in [] where it has none. "?" when it
/// is gone.
[[nodiscard]] std::string command_of(pid_t pid);
/// Puts this in place of the words that the calling process was started with, which everybody who sees the
/// process can read. None of them may be in use any more.
void hide_command_line(std::string_view name);
/// The PIDs among `candidates` that hold a socket of this inode.
[[nodiscard]] std::vector<pid_t> holders_of(std::uint32_t inode, const std::vector<pid_t>& candidates);
/// Ends them: SIGTERM, a second of grace, SIGKILL; waits until they are gone. Error: one is still
/// there, which it names.
[[nodiscard]] Status end_processes(const std::vector<pid_t>& pids);

}  // namespace warren::sys
