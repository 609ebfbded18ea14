// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "types/names.h"

namespace warren::sys {

/// The user's UID; nothing where there is no such user.
[[nodiscard]] std::optional<uid_t> uid_of(const UserName& user);
/// His groups: the primary one first, then the others as getgrouplist(3) gives them. Those whose name we
/// could not keep are left out.
[[nodiscard]] std::vector<UserName> groups_of(const UserName& user);
/// The UIDs of a group's members: those it lists, and those whose primary group it is.
[[nodiscard]] std::vector<uid_t> members_of_group(const UserName& group);

/// A user or a group, whatever its name is made of.
struct Account {
  bool group = false;
  std::uint32_t id = 0;
  std::string name;
};
/// Every one that can be listed: of /etc/passwd and /etc/group, and of directories that allow it.
[[nodiscard]] std::vector<Account> accounts();

}  // namespace warren::sys
