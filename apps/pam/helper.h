// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "options.h"
#include "reason.h"

namespace warren::pam {

/// Has warren make the user's space ready: runs `HELPER up --member USER`, with --create if the options say
/// so, in the host's namespaces, with nothing of the caller but its privileges. Ends it when the time is up.
/// The caller's signals, handlers and children are left alone.
[[nodiscard]] bool run_helper(const Options& options, const char* user, Reason& reason);

}  // namespace warren::pam
