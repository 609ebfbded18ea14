// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace warren::sys {

/// A program that is to run on inside a network namespace, under init, without terminal.
struct Detached {
  std::vector<std::string> command;      ///< with its whole path
  std::vector<std::string> environment;  ///< "NAME=value", all that it gets
  int netns = -1;
};
/// Starts it and gives its PID. Error: it could not be run.
[[nodiscard]] Result<pid_t> start_detached(const Detached& program);

/// When the process began, in ticks since boot: with its PID it is known for good. Nothing when it is gone.
[[nodiscard]] std::optional<std::string> start_time_of(pid_t pid);

}  // namespace warren::sys
