// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <linux/filter.h>
#include <vector>

#include "base/result.h"

namespace warren::guest {

/// A program for the kernel that refuses, with EPERM, what hosts deny their guests.
using Filter = std::vector<sock_filter>;
[[nodiscard]] Result<Filter> make_filter();
/// From now on, for this process and all that come from it. Without no_new_privs, so that setuid programs
/// keep working: needs CAP_SYS_ADMIN in its user namespace.
[[nodiscard]] Status install(const Filter& filter);

}  // namespace warren::guest
