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
[[nodiscard]] std::unexpected<Error> no_space(std::string_view name);
/// Error: no_space().
[[nodiscard]] Result<model::Space> find_space(store::Store& store, const std::string& name);
/// The one of this name, or all where that is empty. Error: no_space(), of this command.
[[nodiscard]] Result<std::vector<model::Space>> one_or_all(store::Store& store, const std::string& name,
                                                           std::string_view command);
/// The processes inside a space.
[[nodiscard]] Result<std::vector<pid_t>> pids_inside(const SpaceName& name);
/// What listens inside a space; nothing where it is not up.
[[nodiscard]] Result<std::vector<netlink::Listener>> listeners_inside(const SpaceName& name);
/// The space that a process is in; nothing for the host's own namespace or a foreign one.
[[nodiscard]] Result<std::optional<model::Space>> space_of(store::Store& store, pid_t pid);
/// A PID from the command line. Error: usage.
[[nodiscard]] Result<pid_t> parse_pid(const std::string& text);

}  // namespace warren::cli
