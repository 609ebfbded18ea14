// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "sys/user.h"
#include "types/names.h"

namespace warren::sys {

/// Makes the calling process one of the space: its network namespace, and a mount namespace of its own in
/// which /sys is the space's and the files of etc/netns/NAME in the place lie over those of /etc, as
/// ip-netns(8) does.
[[nodiscard]] Status enter_space(const Place& place, const SpaceName& name);
/// Gives up root for the user, with his groups and HOME, USER, LOGNAME, SHELL.
[[nodiscard]] Status become(const User& user);
/// Turns into the command. Returns only on failure; not_found when there is no such command.
[[nodiscard]] Error exec_command(const std::vector<std::string>& command);

}  // namespace warren::sys
