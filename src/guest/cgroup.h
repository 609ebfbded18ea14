// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace warren::guest {

/// A cgroup (version 2) below the caller's, which the user may divide further: an init system needs that.
/// Takes away what guests that are gone have left. Gives its path. Error: unsupported, there is no cgroup2.
[[nodiscard]] Result<std::string> make_cgroup(pid_t caller, uid_t uid, gid_t gid);
/// Moves the calling process there.
[[nodiscard]] Status enter_cgroup(const std::string& path);
/// With all below it. One in which processes live stays.
void remove_cgroup(const std::string& path);

}  // namespace warren::guest
