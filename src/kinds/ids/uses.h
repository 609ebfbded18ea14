// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "base/place.h"
#include "model/id_block.h"
#include "model/id_map.h"

namespace warren::ids {

/// Who else uses IDs on this host, by what is written down: /etc/subuid and /etc/subgid, but for our
/// lines of these blocks, users and groups, machines of systemd-nspawn, what systemd keeps for itself.
[[nodiscard]] Result<std::vector<model::IdUse>> written_uses(const Place& place,
                                                             const std::vector<model::IdBlock>& blocks);
/// Those, and the user namespaces that live just now: for IDs that are nobody's yet.
[[nodiscard]] Result<std::vector<model::IdUse>> other_uses(const Place& place,
                                                           const std::vector<model::IdBlock>& blocks);

/// Error: failed, naming a process that lives in a user namespace with some of these IDs.
[[nodiscard]] Status check_unused(const Place& place, const IdRange& range);
/// The same for a user namespace made from just this map.
[[nodiscard]] Status check_unused(const Place& place, const model::IdMap& map, const IdRange& block);

}  // namespace warren::ids
