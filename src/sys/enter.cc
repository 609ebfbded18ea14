// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/enter.h"

#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <memory>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/netns.h"
#include "sys/words.h"

namespace warren::sys {
namespace {

constexpr const char* kCgroups = "/sys/fs/cgroup";

/// A detached copy of a mount tree, to be put back once /sys is another.
UniqueFd copy_tree(const char* path) {
  return UniqueFd(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
}

/// /sys shows the network devices of whoever mounted it, so the space needs its own; the cgroups stay.
Status mount_own_sys() {
  const auto cgroups = copy_tree(kCgroups);
  struct statvfs old {};
  unsigned long flags = 0;
  if (::statvfs("/sys", &old) == 0 && (old.f_flag & ST_RDONLY)) flags = MS_RDONLY;
  ::umount2("/sys", MNT_DETACH);
  if (::mount("warren", "/sys", "sysfs", flags, nullptr) != 0)
    return fail_errno(errno, "mount /sys for the space");
  if (cgroups.valid())
    ::syscall(SYS_move_mount, cgroups.get(), "", AT_FDCWD, kCgroups, MOVE_MOUNT_F_EMPTY_PATH);
  return {};
}

/// Lays each file of the directory, /etc/netns/NAME, over the one of the same name in /etc.
Status bind_own_etc(const std::string& dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(dir.c_str()), ::closedir);
  if (!entries) return {};
  while (const auto* entry = ::readdir(entries.get())) {
    const std::string file = entry->d_name;
    if (file == "." || file == "..") continue;
    const auto from = dir + "/" + file;
    const auto to = "/etc/" + file;
    if (::mount(from.c_str(), to.c_str(), "none", MS_BIND | MS_REC, nullptr) != 0)
      warn(fail_errno(errno, "lay " + from + " over " + to).error().what);
  }
  return {};
}

}  // namespace

Status enter_space(const Place& place, const SpaceName& name) {
  const auto netns = TRY(open_netns(place.pin(name.str())));
  TRY(enter_netns(netns.get()));
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno(errno, "make a mount namespace");
  if (::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0)
    return fail_errno(errno, "make mounts private");
  TRY(mount_own_sys());
  return bind_own_etc(place.etc_of(name.str()));
}

Status become(const User& user) {
  if (::initgroups(user.name.c_str(), user.gid) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0)
    return fail_errno(errno, "become user " + user.name);
  ::setenv("HOME", user.home.c_str(), 1);
  ::setenv("USER", user.name.c_str(), 1);
  ::setenv("LOGNAME", user.name.c_str(), 1);
  ::setenv("SHELL", user.shell.c_str(), 1);
  return {};
}

Error exec_command(const std::vector<std::string>& command) {
  const auto argv = pointers_to(command);
  ::execvp(argv[0], argv.data());
  return fail_errno(errno, "run " + command[0]).error();
}

}  // namespace warren::sys
