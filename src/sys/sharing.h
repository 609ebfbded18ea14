// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace warren::sys {

/// Starts a process that shares the memory of this one, which waits until it has ended or turned into another
/// program: what vfork(2) does, with a stack of its own. Costs no copy of the memory. `body` never returns.
[[nodiscard]] Result<pid_t> start_sharing(void (*body)(void*), void* argument);

}  // namespace warren::sys
