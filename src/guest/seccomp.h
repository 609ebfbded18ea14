// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"

namespace warren::guest {

/// From now on, for this process and all that come from it, the kernel refuses with EPERM what hosts deny
/// their guests (make_filter.cc says what). Without no_new_privs, so that setuid programs keep working: needs
/// CAP_SYS_ADMIN in its user namespace.
[[nodiscard]] Status install_filter();

}  // namespace warren::guest
