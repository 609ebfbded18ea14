// SPDX-License-Identifier: GPL-2.0-or-later
// Users and groups, as the host's name services know them (nsswitch.conf(5)). That nobody has a name is an
// answer; where a service could not give one, each of these fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"
#include "types/names.h"

namespace warren::sys {

struct User {
  std::string name;
  std::string home;
  std::string shell;
  uid_t uid = 0;
  gid_t gid = 0;
};
/// The user of this name, or of this UID; nothing where there is none.
[[nodiscard]] Result<std::optional<User>> user_called(const std::string& name);
[[nodiscard]] Result<std::optional<User>> user_with(uid_t uid);
/// By name or numeric UID. Error: usage, there is none.
[[nodiscard]] Result<User> find_user(const std::string& name);

/// The user's UID; nothing where there is no such user.
[[nodiscard]] Result<std::optional<uid_t>> uid_of(const UserName& user);
/// The name of a UID, to be shown; its digits where nobody has it, or it could not be looked up.
[[nodiscard]] std::string user_name(uid_t uid);
/// His groups: the primary one first, then the others as getgrouplist(3) gives them. Those whose name we
/// could not keep are left out.
[[nodiscard]] Result<std::vector<UserName>> groups_of(const UserName& user);
/// The UIDs of a group's members: those it lists, and those whose primary group it is.
[[nodiscard]] Result<std::vector<uid_t>> members_of_group(const UserName& group);

/// A user or a group, whatever its name is made of.
struct Account {
  bool group = false;
  std::uint32_t id = 0;
  std::string name;
};
/// Every one that can be listed: of /etc/passwd and /etc/group, and of directories that allow it.
[[nodiscard]] Result<std::vector<Account>> accounts();

}  // namespace warren::sys
