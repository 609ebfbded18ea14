// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/identity.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fmt/format.h>
#include <grp.h>
#include <memory>
#include <optional>
#include <pwd.h>
#include <unistd.h>

#include "types/names.h"

namespace warren::guest {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File open_list(const char* path) { return File(std::fopen(path, "re"), std::fclose); }

std::optional<uid_t> number(const std::string& text) {
  uid_t value = 0;
  const auto* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last || value == static_cast<uid_t>(-1)) return std::nullopt;
  return value;
}

std::optional<Identity> in_passwd(const std::string& user) {
  const auto file = open_list("/etc/passwd");
  if (!file) return std::nullopt;
  const auto uid = number(user);
  while (const auto* entry = ::fgetpwent(file.get()))
    if (user == entry->pw_name || (uid && *uid == entry->pw_uid))
      return Identity{entry->pw_name, entry->pw_dir, entry->pw_shell, entry->pw_uid, entry->pw_gid, {}};
  return std::nullopt;
}

std::vector<gid_t> groups_of(const Identity& identity) {
  std::vector<gid_t> groups{identity.gid};
  const auto file = open_list("/etc/group");
  if (!file) return groups;
  while (const auto* entry = ::fgetgrent(file.get()))
    for (auto* const* member = entry->gr_mem; *member; ++member)
      if (identity.name == *member && entry->gr_gid != identity.gid) groups.push_back(entry->gr_gid);
  return groups;
}

}  // namespace

Result<Identity> find_identity(const std::string& user) {
  if (user.empty()) return Identity{};
  auto found = in_passwd(user);
  const auto uid = number(user);
  if (!found && !uid)
    return fail(Code::usage, fmt::format("there is no user '{}' in the /etc/passwd of the guest: give a "
                                         "name that stands there, or a UID",
                                         shown(user)));
  if (!found) found = Identity{user, "/", "/bin/sh", *uid, *uid, {}};
  found->groups = groups_of(*found);
  return *found;
}

Status become(const Identity& identity) {
  if (::setgroups(identity.groups.size(), identity.groups.data()) == 0 &&
      ::setresgid(identity.gid, identity.gid, identity.gid) == 0 &&
      ::setresuid(identity.uid, identity.uid, identity.uid) == 0)
    return {};
  const int error = errno;
  return fail_errno(error, fmt::format("become {} ({}:{}){}", identity.name, identity.uid, identity.gid,
                                       error == EINVAL ? ", an ID that the map leaves out" : ""));
}

}  // namespace warren::guest
