// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/identity.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <grp.h>
#include <memory>
#include <optional>
#include <pwd.h>
#include <unistd.h>

#include "sys/file.h"
#include "types/id_range.h"
#include "types/names.h"

namespace warren::guest {
namespace {

/// One of the guest's lists, whose root may have put anything in its place.
class List {
 public:
  static Result<List> read(const char* path) {
    auto text = TRY(sys::read_plain_file(path));
    return List(std::make_unique<std::string>(std::move(text).value_or("")));
  }
  [[nodiscard]] std::FILE* file() const { return file_.get(); }  // null: empty, or there is none

 private:
  explicit List(std::unique_ptr<std::string> text)
      : text_(std::move(text)),
        file_(text_->empty() ? nullptr : ::fmemopen(text_->data(), text_->size(), "r"), std::fclose) {}

  std::unique_ptr<std::string> text_;  // where the file reads it
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

Result<std::optional<Identity>> in_passwd(const std::string& user) {
  const auto list = TRY(List::read("/etc/passwd"));
  const auto uid = parse_id(user);
  while (const auto* entry = list.file() ? ::fgetpwent(list.file()) : nullptr)
    if (user == entry->pw_name || (uid && *uid == entry->pw_uid))
      return Identity{entry->pw_name, entry->pw_dir, entry->pw_shell, entry->pw_uid, entry->pw_gid, {}};
  return std::nullopt;
}

Result<std::vector<gid_t>> groups_of(const Identity& identity) {
  std::vector<gid_t> groups{identity.gid};
  const auto list = TRY(List::read("/etc/group"));
  while (const auto* entry = list.file() ? ::fgetgrent(list.file()) : nullptr)
    for (auto* const* member = entry->gr_mem; *member; ++member)
      if (identity.name == *member && entry->gr_gid != identity.gid) groups.push_back(entry->gr_gid);
  return groups;
}

}  // namespace

Result<Identity> find_identity(const std::string& user) {
  if (user.empty()) return Identity{};
  auto found = TRY_WRAP("the guest's list of users", in_passwd(user));
  const auto uid = parse_id(user);
  if (!found && !uid)
    return fail(Code::usage, fmt::format("there is no user '{}' in the /etc/passwd of the guest: give a "
                                         "name that stands there, or a UID",
                                         shown(user)));
  if (!found) found = Identity{user, "/", "/bin/sh", *uid, *uid, {}};
  found->groups = TRY_WRAP("the guest's list of groups", groups_of(*found));
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
