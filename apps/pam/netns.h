// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/unique_fd.h"

namespace warren::pam {

/// Opens what the path leads to if that is a network namespace. Else errno is set, EINVAL for a file of
/// another kind. Never waits, whatever the path leads to.
[[nodiscard]] UniqueFd open_netns(const char* path);
/// The calling thread's own.
[[nodiscard]] UniqueFd current_netns();
/// The one that root and rescue sessions belong in.
[[nodiscard]] UniqueFd host_netns();
/// Are both the same namespace?
[[nodiscard]] bool same_file(int one, int other);
/// Moves the calling thread; false with errno set.
[[nodiscard]] bool enter_netns(int fd);

}  // namespace warren::pam
