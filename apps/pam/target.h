// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pwd.h>
#include <security/pam_modules.h>

#include "options.h"

namespace warren::pam {

/// The user whom the session is for: of `su bob` that is bob, whoever called it.
struct Target {
  const passwd* entry = nullptr;  ///< kept by the handle
  bool exempt = false;            ///< belongs on the host: root, a system account, a member of a rescue group
};

/// PAM_SUCCESS, or the code to return for a name that is no user's.
[[nodiscard]] int find_target(pam_handle_t* pamh, const Options& options, Target& target);

}  // namespace warren::pam
