// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

#include "context.h"
#include "netlink/sock_diag.h"
#include "sys/netns.h"

namespace warren::cli {

/// Error not_found, with the remedy.
[[nodiscard]] Result<model::Space> find_space(store::Store& store, const std::string& name);
/// The processes inside a space.
[[nodiscard]] Result<std::vector<pid_t>> pids_inside(const SpaceName& name);
/// What listens inside a space; nothing where it is not up.
[[nodiscard]] Result<std::vector<netlink::Listener>> listeners_inside(const SpaceName& name);
/// The space that a process is in; nothing for the host's own namespace or a foreign one.
[[nodiscard]] Result<std::optional<model::Space>> space_of(store::Store& store, pid_t pid);
/// A PID from the command line. Error: usage.
[[nodiscard]] Result<pid_t> parse_pid(const std::string& text);

}  // namespace warren::cli
