// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <security/pam_modules.h>

#include "home.h"
#include "reason.h"

namespace warren::pam {

/// Puts the files of /etc/netns/SPACE in the place of those in /etc, for this process and what it starts: in
/// a mount namespace of its own, as ip-netns(8) does. Takes those of another space away first. An empty name
/// is the host: nothing is put there. `home` gets the former mount namespace, when that is left.
[[nodiscard]] bool enter_etc(pam_handle_t* pamh, const char* space, KeptFd& home, Reason& reason);

/// Goes back to a mount namespace, staying in the folder of the same name; false with errno set.
[[nodiscard]] bool return_to_mounts(int fd);

}  // namespace warren::pam
