// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "types/id_map.h"

namespace warren::guest {

/// The ranges that a text like /etc/subuid grants to the user of this name and UID, shown from 0 on. Lines
/// that make no sense are passed over, as newuidmap(1) does.
[[nodiscard]] std::vector<IdRun> granted(std::string_view text, std::string_view user, uid_t uid);
/// What /etc/subuid and /etc/subgid grant to the caller. Error: permission, nothing.
[[nodiscard]] Result<IdRuns> delegated_ids();

}  // namespace warren::guest
