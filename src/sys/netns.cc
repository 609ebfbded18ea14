// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/netns.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <memory>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "sys/file.h"

namespace warren::sys {
namespace {

constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";  // /proc/self is the main thread's

/// Of whatever kind; the descriptor may be one of the path only.
bool is_namespace(int fd) {
  struct statfs fs {};
  return ::fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

std::unexpected<Error> not_netns(const std::string& path) {
  return fail(Code::not_found, path + " is no network namespace");
}

bool is_mount(const std::string& path) {
  struct statx info {};
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// The file that the pin is mounted on. Root alone can write in its directory.
Status make_mount_point(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
  if (!fd.valid()) return fail_errno(errno, "make " + path);
  return {};
}

}  // namespace

Status prepare_pins(const Place& place) {
  if (is_mount(place.netns))
    return {};  // by us or by ip-netns: shared already, and walking its mounts takes time
  TRY(make_directories(place.netns));
  const auto* path = place.netns.c_str();
  if (::mount("", path, "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return fail_errno(errno, "share " + place.netns);
  if (::mount(path, path, "none", MS_BIND | MS_REC, nullptr) != 0)
    return fail_errno(errno, "mount " + place.netns + " on itself");
  if (::mount("", path, "none", MS_SHARED | MS_REC, nullptr) != 0)
    return fail_errno(errno, "share " + place.netns);
  return {};
}

Status unshare_netns() {
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno(errno, "make a network namespace");
  return {};
}

Status pin_current(const Place& place, const SpaceName& name) {
  const auto pin = place.pin(name.str());
  auto made = make_mount_point(pin);
  if (!made && made.error().code == Code::exists) {  // stale: a crash left it, or it pins what has gone
    TRY(unpin(place, name));
    made = make_mount_point(pin);
  }
  TRY(std::move(made));
  if (::mount(kOwnNetns, pin.c_str(), "none", MS_BIND, nullptr) != 0)
    return fail_errno(errno, "pin the namespace at " + pin);
  return {};
}

bool is_own_netns(const std::string& path) {
  const auto here = netns_id(std::string(kOwnNetns)), there = netns_id(path);
  return here && there && *here == *there;
}

Status pin_host(const std::string& path) {
  if (is_own_netns(path)) return {};
  while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
  if (auto made = make_mount_point(path); !made && made.error().code != Code::exists) return made;
  if (::mount(kOwnNetns, path.c_str(), "none", MS_BIND, nullptr) == 0) return {};
  return fail_errno(errno, "pin the host's namespace at " + path);
}

Status unpin(const Place& place, const SpaceName& name) {
  const auto pin = place.pin(name.str());
  // A name may have been pinned more than once, one mount over the other.
  while (::umount2(pin.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
  if (errno != EINVAL && errno != ENOENT) return fail_errno(errno, "unmount " + pin);
  if (::unlink(pin.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove " + pin);
  return {};
}

Result<std::vector<std::string>> pinned_names(const Place& place) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(place.netns.c_str()), ::closedir);
  if (!dir && errno == ENOENT) return names;
  if (!dir) return fail_errno(errno, "read " + place.netns);
  while (const auto* entry = ::readdir(dir.get()))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

Result<UniqueFd> open_netns(const std::string& path) {
  // The path alone first: what is no namespace must not be opened at all, for a FIFO would hold us up, and a
  // device may do something.
  const auto place = TRY(open_file(path, O_PATH));
  if (!is_namespace(place.get())) return not_netns(path);
  auto fd = TRY_WRAP(path, open_file(fmt::format("/proc/thread-self/fd/{}", place.get()), O_RDONLY));
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return not_netns(path);
  return fd;
}

Result<NetnsId> netns_id(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return fail_errno(errno, "look at a namespace");
  return NetnsId{info.st_dev, info.st_ino};
}

Result<NetnsId> netns_id(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "look at " + path);
  return NetnsId{info.st_dev, info.st_ino};
}

Result<UniqueFd> current_netns() { return open_netns(kOwnNetns); }

Status enter_netns(int fd) {
  if (::setns(fd, CLONE_NEWNET) != 0) return fail_errno(errno, "enter the network namespace");
  return {};
}

Result<NetnsGuard> NetnsGuard::enter(int fd) {
  auto home = TRY(current_netns());
  TRY(enter_netns(fd));
  return NetnsGuard(std::move(home));
}

NetnsGuard::~NetnsGuard() {
  if (!home_.valid()) return;  // moved from
  if (::setns(home_.get(), CLONE_NEWNET) == 0) return;
  std::perror("warren: cannot return to the host's network namespace");
  std::abort();
}

}  // namespace warren::sys
