// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/place.h"
#include "model/space.h"
#include "netlink/sock_diag.h"
#include "store/store.h"
#include "sys/netns.h"

namespace warren::view {

/// The space of this name. Error: usage (it cannot be a name), not_found.
[[nodiscard]] Result<model::Space> find_space(store::Store& store, const std::string& text);
/// The one of this name, or all where that is empty. Error: as find_space(), with the command named.
[[nodiscard]] Result<std::vector<model::Space>> one_or_all(store::Store& store, const std::string& name,
                                                           std::string_view command);
/// The processes inside a space.
[[nodiscard]] Result<std::vector<pid_t>> pids_inside(const Place& place, const SpaceName& name);
/// What listens inside a space; nothing where it is not up. Error: the kernel cannot be asked.
[[nodiscard]] Result<std::vector<netlink::Listener>> listeners_inside(const Place& place,
                                                                      const SpaceName& name);
/// The space that a process is in; nothing for the host's own namespace or a foreign one. Costs the same
/// however many spaces there are, but where a tenant changed the MACs that warren gave it. Error: not_found
/// (no such process).
[[nodiscard]] Result<std::optional<model::Space>> space_of(const Place& place, store::Store& store,
                                                           pid_t pid);

}  // namespace warren::view
