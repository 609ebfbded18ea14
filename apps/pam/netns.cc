// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "index.h"

namespace warren::pam {
namespace {

bool is_netns(int fd) {
  struct statfs system {};
  return ::fstatfs(fd, &system) == 0 && system.f_type == NSFS_MAGIC &&
         ::ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

}  // namespace

UniqueFd open_netns(const char* path) {
  // Non-blocking, so that a pipe in the place of a namespace does not hold the login up.
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid() || is_netns(fd.get())) return fd;
  fd.reset();
  errno = EINVAL;
  return fd;
}

UniqueFd current_netns() { return open_netns("/proc/thread-self/ns/net"); }

UniqueFd host_netns() {
  auto fd = open_netns(kIndex "/host");
  return fd.valid() ? std::move(fd) : open_netns("/proc/1/ns/net");
}

bool same_file(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

bool enter_netns(int fd) { return ::setns(fd, CLONE_NEWNET) == 0; }

}  // namespace warren::pam
