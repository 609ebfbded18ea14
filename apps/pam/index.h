// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <pwd.h>
#include <security/pam_modules.h>
#include <sys/types.h>

#include "base/unique_fd.h"
#include "reason.h"

/// Where warren keeps a link to the namespace of each user (u/NAME) and group (g/NAME) that is a member of a
/// space, and of each space for its namesake (d/NAME). A link that dangles is of a space that is not ready.
/// Without the file `ready` there, nothing is known yet. What the link `min_uid` says is the lowest UID that
/// is placed.
#define kIndex "/run/warren/sessions"  // a macro, to be joined with what follows it at compile time

namespace warren::pam {

struct Found {
  enum class Standing { ready, not_ready, no_space };

  Standing standing = Standing::no_space;
  UniqueFd ns;           ///< of a space that is ready
  char space[64] = "?";  ///< its name, where known
  Reason reason;         ///< why it is not ready, or not there
};

/// The lowest UID that is placed: 1000 where the index does not say, as before it was made.
[[nodiscard]] uid_t min_uid();

/// Looks the user up, then his groups in their order, then the space of his name.
[[nodiscard]] Found find_space(pam_handle_t* pamh, const passwd& user);

}  // namespace warren::pam
