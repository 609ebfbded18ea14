// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "hooks/start.h"

namespace warren::hooks {

/// Waits for its end, and logs what it writes under `name`. When it has ended, or its time is up, so has all
/// that is left of its process group. Error: how it failed, with the last line of its standard error.
[[nodiscard]] Status watch(Running running, const std::string& name, std::chrono::seconds timeout);

}  // namespace warren::hooks
