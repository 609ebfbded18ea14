// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/user.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

namespace warren::sys {
namespace {

constexpr std::size_t kLeastRoom = 1024;
constexpr std::size_t kMostRoom = 16 << 20;  // for one entry: a group may have very many members

/// getpwnam(3): what a name service says in place of an error where it has no such entry.
bool means_none(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

std::unexpected<Error> unknowable(int error, std::string_view what) {
  return fail(Code::failed,
              fail_errno(error, fmt::format("look up {}", what)).error().what +
                  ": the host's list of users and groups does not answer, see nsswitch.conf(5)");
}

/// One of the getXXbyYY_r(3). `call` gives it the entry, the room for its texts and the place of the answer.
/// The entry's texts lie in `room`.
template <class Entry, class Call>
Result<Entry*> look_up(Entry& entry, std::vector<char>& room, std::string_view what, Call call) {
  for (room.resize(kLeastRoom);; room.resize(room.size() * 4)) {
    Entry* found = nullptr;
    const int error = call(&entry, room.data(), room.size(), &found);
    if (error == EINTR || (error == ERANGE && room.size() < kMostRoom)) continue;
    if (found || means_none(error)) return found;
    return unknowable(error, what);
  }
}

std::optional<User> copy_of(const passwd* entry) {
  if (!entry) return std::nullopt;
  return User{entry->pw_name, entry->pw_dir, entry->pw_shell, entry->pw_uid, entry->pw_gid};
}

Result<std::optional<UserName>> group_with(gid_t gid) {
  ::group entry{};
  std::vector<char> room;
  const auto* found = TRY(look_up(
      entry, room, fmt::format("group {}", gid),
      [&](auto* to, char* at, auto size, auto* answer) { return ::getgrgid_r(gid, to, at, size, answer); }));
  const auto name = found ? UserName::parse(found->gr_name) : UserName::parse("");
  return name ? std::optional(*name) : std::nullopt;
}

/// Each entry of a list that `next`, one of the getXXent_r(3), reads on and on. Its end has a number of its
/// own; errno, which getXXent(3) leaves, is whatever the last service did with it.
template <class Entry, class Next, class Visit>
Status each_of(std::string_view what, Next next, Visit visit) {
  std::vector<char> room(kLeastRoom);
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = next(&entry, room.data(), room.size(), &found);
    if (error == ERANGE && room.size() < kMostRoom) {
      room.resize(room.size() * 4);
      continue;
    }
    if (error == EINTR) continue;
    if (error != 0 && !means_none(error)) return unknowable(error, what);
    if (!found) return {};
    visit(*found);
  }
}

template <class Visit>
Status each_user(Visit visit) {
  ::setpwent();
  auto done = each_of<passwd>("all users", ::getpwent_r, visit);
  ::endpwent();
  return done;
}

}  // namespace

Result<std::optional<User>> user_called(const std::string& name) {
  passwd entry{};
  std::vector<char> room;
  return copy_of(TRY(look_up(entry, room, fmt::format("user '{}'", shown(name)),
                             [&](auto* to, char* at, auto size, auto* answer) {
                               return ::getpwnam_r(name.c_str(), to, at, size, answer);
                             })));
}

Result<std::optional<User>> user_with(uid_t uid) {
  passwd entry{};
  std::vector<char> room;
  return copy_of(
      TRY(look_up(entry, room, fmt::format("user {}", uid), [&](auto* to, char* at, auto size, auto* answer) {
        return ::getpwuid_r(uid, to, at, size, answer);
      })));
}

Result<User> find_user(const std::string& name) {
  auto user = TRY(user_called(name));
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), uid);
  if (!user && error == std::errc{} && end == name.data() + name.size()) user = TRY(user_with(uid));
  if (!user) return fail(Code::usage, "there is no user '" + shown(name) + "'");
  return std::move(*user);
}

Result<std::optional<uid_t>> uid_of(const UserName& user) {
  const auto found = TRY(user_called(user.str()));
  return found ? std::optional(found->uid) : std::nullopt;
}

std::string user_name(uid_t uid) {
  const auto user = user_with(uid);
  return user && *user ? (*user)->name : std::to_string(uid);
}

Result<std::vector<UserName>> groups_of(const UserName& user) {
  std::vector<UserName> names;
  const auto entry = TRY(user_called(user.str()));
  if (!entry) return names;
  int count = 64;
  std::vector<gid_t> gids(static_cast<std::size_t>(count));
  while (::getgrouplist(user.c_str(), entry->gid, gids.data(), &count) < 0) {
    if (count <= static_cast<int>(gids.size())) return unknowable(ENOMEM, "the groups of " + user.str());
    gids.resize(static_cast<std::size_t>(count));
  }
  gids.resize(static_cast<std::size_t>(count));
  for (const auto gid : gids)
    if (auto name = TRY(group_with(gid))) names.push_back(std::move(*name));
  return names;
}

Result<std::vector<uid_t>> members_of_group(const UserName& group) {
  std::vector<uid_t> uids;
  ::group entry{};
  std::vector<char> room;
  const auto* found = TRY(look_up(entry, room, fmt::format("group '{}'", group.str()),
                                  [&](auto* to, char* at, auto size, auto* answer) {
                                    return ::getgrnam_r(group.c_str(), to, at, size, answer);
                                  }));
  if (!found) return uids;
  for (auto* const* name = found->gr_mem; *name; ++name)
    if (const auto user = UserName::parse(*name))
      if (const auto uid = TRY(uid_of(*user))) uids.push_back(*uid);
  TRY(each_user([&](const passwd& user) {
    if (user.pw_gid == found->gr_gid) uids.push_back(user.pw_uid);
  }));
  std::ranges::sort(uids);
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  return uids;
}

Result<std::vector<Account>> accounts() {
  std::vector<Account> all;
  TRY(each_user([&](const passwd& user) { all.push_back({false, user.pw_uid, user.pw_name}); }));
  ::setgrent();
  const auto done = each_of<::group>("all groups", ::getgrent_r, [&](const ::group& group) {
    all.push_back({true, group.gr_gid, group.gr_name});
  });
  ::endgrent();
  TRY(Status(done));
  return all;
}

}  // namespace warren::sys
