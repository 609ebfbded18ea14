// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <security/pam_modules.h>

#include "options.h"

namespace warren::pam {

// Each returns the PAM code of the call. `flags` are those of the call, of which PAM_SILENT counts.

[[nodiscard]] int check_account(pam_handle_t* pamh, int flags, const Options& options);
[[nodiscard]] int open_session(pam_handle_t* pamh, int flags, const Options& options);
[[nodiscard]] int close_session(pam_handle_t* pamh);

}  // namespace warren::pam
