// SPDX-License-Identifier: GPL-2.0-or-later
#include "index.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <grp.h>
#include <security/pam_modutil.h>
#include <unistd.h>

#include "netns.h"
#include "options.h"

namespace warren::pam {
namespace {

using Standing = Found::Standing;
constexpr char kPins[] = "/run/netns/";

bool is_dots(const char* name) { return !*name || !std::strcmp(name, ".") || !std::strcmp(name, ".."); }

struct Path {
  char text[sizeof kIndex + 2 + NAME_MAX + 2] = "";

  /// False for a name that cannot be one in a folder, so that no name leads out of the index.
  bool set(char kind, const char* name) {
    if (is_dots(name) || std::strchr(name, '/') || std::strlen(name) > NAME_MAX) return false;
    std::snprintf(text, sizeof text, kIndex "/%c/%s", kind, name);
    return true;
  }
};

/// What the link says, cut to the name of the space; false when there is no such entry at all.
bool read_entry(const Path& path, Found& found) {
  char target[PATH_MAX];
  const auto size = ::readlink(path.text, target, sizeof target - 1);
  if (size < 0) return errno != ENOENT;
  target[size] = '\0';
  if (std::strncmp(target, kPins, sizeof kPins - 1) != 0) return true;
  const char* name = target + sizeof kPins - 1;
  if (std::strlen(name) < sizeof found.space) std::memcpy(found.space, name, std::strlen(name) + 1);
  return true;
}

const char* why_not(int error) {
  if (error == ENOENT) return "the space is not ready";
  if (error == EINVAL) return "it leads to something that is no network namespace";
  return std::strerror(error);
}

/// False when there is no such entry.
bool look(char kind, const char* name, Found& found) {
  Path path;
  if (!path.set(kind, name)) return false;
  found.ns = open_netns(path.text);
  const int error = errno;
  if (!read_entry(path, found)) {
    found.ns.reset();
    return false;
  }
  found.standing = found.ns.valid() ? Standing::ready : Standing::not_ready;
  if (!found.ns.valid()) found.reason.fail("%s: %s", path.text, why_not(error));
  return true;
}

/// Most hosts give spaces to users only: then the groups, which may be many, need not be asked for.
bool any_group_has_entry() {
  DIR* const dir = ::opendir(kIndex "/g");
  if (!dir) return false;
  bool any = false;
  while (const auto* entry = ::readdir(dir)) any = any || !is_dots(entry->d_name);
  ::closedir(dir);
  return any;
}

/// The user's groups, to be freed; null without memory.
gid_t* groups_of(const passwd& user, int& count) {
  gid_t* all = nullptr;
  for (int room = 64;; room = count) {
    auto* const more = static_cast<gid_t*>(std::realloc(all, static_cast<std::size_t>(room) * sizeof(gid_t)));
    if (!more) break;
    all = more;
    count = room;
    if (::getgrouplist(user.pw_name, user.pw_gid, all, &count) >= 0) return all;
    if (count <= room) count = 2 * room;
  }
  std::free(all);
  return nullptr;
}

void look_by_groups(pam_handle_t* pamh, const passwd& user, Found& found) {
  int count = 0;
  gid_t* const groups = groups_of(user, count);  // the primary one first
  if (!groups) {
    found.standing = Standing::not_ready;
    found.reason.fail("no memory for the groups of %s", user.pw_name);
    return;
  }
  bool has = false;
  for (int i = 0; i < count && !has; ++i) {
    const auto* group = pam_modutil_getgrgid(pamh, groups[i]);
    has = group && look('g', group->gr_name, found);
  }
  std::free(groups);
}

constexpr uid_t kUsualMinUid = 1000;

}  // namespace

uid_t min_uid() {
  char text[16];
  uid_t uid = 0;
  const auto size = ::readlink(kIndex "/min_uid", text, sizeof text);
  const bool known = size > 0 && read_uid(std::string_view(text, static_cast<std::size_t>(size)), uid);
  return known ? uid : kUsualMinUid;
}

Found find_space(pam_handle_t* pamh, const passwd& user) {
  Found found;
  if (look('u', user.pw_name, found)) return found;
  if (::access(kIndex "/ready", F_OK) != 0) {
    found.standing = Standing::not_ready;
    found.reason.fail("nothing is known of spaces yet: no " kIndex "/ready");
  } else if (any_group_has_entry()) {
    look_by_groups(pamh, user, found);
  }
  if (found.standing == Standing::no_space) look('d', user.pw_name, found);
  if (found.standing == Standing::no_space) found.reason.fail("has no space");
  return found;
}

}  // namespace warren::pam
