// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::guest {

/// A cgroup of version 2 that no other `warren run` takes away while this lives.
struct Cgroup {
  std::string path{};
  UniqueFd lock{};  ///< of its directory
};

/// The cgroup of version 2 that a text like /proc/self/cgroup names, in the line "0::/PATH"; nothing where
/// there is no such line.
[[nodiscard]] std::optional<std::string> unified_cgroup(std::string_view text);
/// One below the caller's, which the user may divide further, within limits: an init system needs that.
/// Takes away what guests that are gone have left. Error: unsupported, there is no cgroup2.
[[nodiscard]] Result<Cgroup> make_cgroup(pid_t caller, uid_t uid, gid_t gid);
/// Moves the calling process there.
[[nodiscard]] Status enter_cgroup(const Cgroup& cgroup);
/// With all below it. One in which processes live stays.
void remove_cgroup(const Cgroup& cgroup);

}  // namespace warren::guest
