// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/user.h"

#include <algorithm>
#include <grp.h>
#include <pwd.h>

namespace warren::sys {

std::optional<uid_t> uid_of(const UserName& user) {
  const auto* entry = ::getpwnam(user.c_str());
  return entry ? std::optional(entry->pw_uid) : std::nullopt;
}

std::vector<UserName> groups_of(const UserName& user) {
  const auto* entry = ::getpwnam(user.c_str());
  if (!entry) return {};
  int count = 64;
  std::vector<gid_t> gids(static_cast<std::size_t>(count));
  if (::getgrouplist(user.c_str(), entry->pw_gid, gids.data(), &count) < 0) {
    gids.resize(static_cast<std::size_t>(count));
    (void)::getgrouplist(user.c_str(), entry->pw_gid, gids.data(), &count);
  }
  gids.resize(static_cast<std::size_t>(count));
  std::vector<UserName> names;
  for (const auto gid : gids) {
    const auto* group = ::getgrgid(gid);
    const auto name = group ? UserName::parse(group->gr_name) : UserName::parse("");
    if (name) names.push_back(*name);
  }
  return names;
}

std::vector<uid_t> members_of_group(const UserName& group) {
  std::vector<uid_t> uids;
  const auto* entry = ::getgrnam(group.c_str());
  if (!entry) return uids;
  const auto gid = entry->gr_gid;
  std::vector<UserName> listed;
  for (auto* const* name = entry->gr_mem; *name; ++name)
    if (const auto user = UserName::parse(*name)) listed.push_back(*user);
  for (const auto& user : listed)
    if (const auto uid = uid_of(user)) uids.push_back(*uid);
  ::setpwent();
  while (const auto* user = ::getpwent())
    if (user->pw_gid == gid) uids.push_back(user->pw_uid);
  ::endpwent();
  std::ranges::sort(uids);
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  return uids;
}

std::vector<Account> accounts() {
  std::vector<Account> all;
  ::setpwent();
  while (const auto* user = ::getpwent()) all.push_back({false, user->pw_uid, user->pw_name});
  ::endpwent();
  ::setgrent();
  while (const auto* group = ::getgrent()) all.push_back({true, group->gr_gid, group->gr_name});
  ::endgrent();
  return all;
}

}  // namespace warren::sys
