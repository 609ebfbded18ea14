// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "types/id_map.h"

namespace warren::sys {

/// The user namespace that owns a namespace, such as a network namespace.
[[nodiscard]] Result<UniqueFd> owner_of(int namespace_fd);
/// Does a namespace belong to another user namespace than that of this process, whose root may change it?
[[nodiscard]] Result<bool> is_owned_by_other(int namespace_fd);
/// Is the user namespace that of this process?
[[nodiscard]] Result<bool> is_own_userns(int fd);
/// What its IDs are on the host, as sorted() has them. Forks; not for a process with threads that hold locks.
[[nodiscard]] Result<IdRuns> runs_of(int userns_fd);
/// The same of the user namespace that the process is in.
[[nodiscard]] Result<IdRuns> runs_of_process(pid_t pid);
/// In the order by which they can be compared.
[[nodiscard]] IdRuns sorted(IdRuns runs);

/// A user namespace with these IDs. It lives as long as the descriptor, or what it owns.
[[nodiscard]] Result<UniqueFd> make_userns(const IdRuns& runs);
/// The same by newuidmap(1) and newgidmap(1), for a user without root. Error: unsupported, they are missing;
/// failed, they refuse.
[[nodiscard]] Result<UniqueFd> make_userns_as_user(const IdRuns& runs);
/// A network namespace that is owned by a new user namespace with these IDs, so that its root may set it up.
[[nodiscard]] Result<UniqueFd> make_owned_netns(const IdRuns& runs);

/// Moves the calling process, which has one thread, into the user namespace.
[[nodiscard]] Status enter_userns(int fd);

}  // namespace warren::sys
