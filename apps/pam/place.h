// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <security/pam_modules.h>

#include "base/unique_fd.h"
#include "options.h"
#include "reason.h"

namespace warren::pam {

enum class Placed { there_already, moved, failed };

/// Moves the calling thread into the namespace of a space, and with private_etc under its files of /etc; an
/// empty name is the host. Both or, when that fails, neither. Where it was is remembered in the handle.
[[nodiscard]] Placed place(pam_handle_t* pamh, const UniqueFd& ns, const char* space, const Options& options,
                           Reason& reason);

/// Moves it back to where the first place() found it, as far as it is allowed to: a session may be closed by
/// a process that has given its privileges up, and leaves with that process.
void put_back(pam_handle_t* pamh);

}  // namespace warren::pam
