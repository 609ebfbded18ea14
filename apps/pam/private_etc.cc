// SPDX-License-Identifier: GPL-2.0-or-later
#include "private_etc.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <security/pam_ext.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

namespace warren::pam {
namespace {

constexpr char kOwn[] = "/proc/thread-self/ns/mnt";
constexpr char kFolder[] = "/etc/netns";
constexpr char kPlain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-";
constexpr int kMostFiles = 256;

bool is_plain(const char* name) { return *name && *name != '.' && !name[std::strspn(name, kPlain)]; }

/// A file of some space that lies over one of /etc, as a line of mountinfo says it.
struct Cover {
  char space[256] = "";
  char point[PATH_MAX] = "";
};

/// Fields 4 and 5 of the line are the file that was mounted, seen from the root of its file system, and
/// where.
bool read_cover(const char* line, Cover& cover) {
  char root[PATH_MAX];
  static_assert(PATH_MAX == 4096, "the widths below are that less one");
  if (std::sscanf(line, "%*s %*s %*s %4095s %4095s", root, cover.point) != 2) return false;
  const char* name = std::strstr(root, "/netns/");
  if (!name) return false;
  name += std::strlen("/netns/");
  const char* slash = std::strchr(name, '/');
  const auto size = slash ? static_cast<std::size_t>(slash - name) : 0;
  if (size == 0 || size >= sizeof cover.space) return false;
  std::memcpy(cover.space, name, size);
  cover.space[size] = '\0';
  return true;
}

/// The first one of this mount namespace. False: there is none.
bool find_cover(Cover& cover) {
  std::FILE* const file = std::fopen("/proc/thread-self/mountinfo", "re");
  if (!file) return false;
  char* line = nullptr;
  std::size_t room = 0;
  bool found = false;
  while (!found && ::getline(&line, &room, file) > 0) found = read_cover(line, cover);
  std::free(line);
  std::fclose(file);
  return found;
}

/// The mount namespace of the host's first process holds no such file; its list, which may be long, need not
/// be read.
bool in_first_mounts() {
  struct stat own {};
  struct stat first {};
  return ::stat(kOwn, &own) == 0 && ::stat("/proc/1/ns/mnt", &first) == 0 && own.st_ino == first.st_ino;
}

bool has_folder(const char* space) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s/%s", kFolder, space);
  return is_plain(space) && ::access(path, F_OK) == 0;
}

bool uncover(Reason& reason) {
  Cover cover;
  for (int i = 0; i < kMostFiles; ++i) {
    if (!find_cover(cover)) return true;
    if (::umount2(cover.point, MNT_DETACH | UMOUNT_NOFOLLOW) != 0) break;
  }
  return reason.fail("cannot take %s away from %s: %s", cover.space, cover.point, std::strerror(errno));
}

bool cover_file(pam_handle_t* pamh, const char* space, const char* name, Reason& reason) {
  char from[PATH_MAX];
  char to[PATH_MAX];
  std::snprintf(from, sizeof from, "%s/%s/%s", kFolder, space, name);
  std::snprintf(to, sizeof to, "/etc/%s", name);
  if (::access(to, F_OK) != 0) {
    pam_syslog(pamh, LOG_WARNING, "%s is left out: there is no %s to put it over", from, to);
    return true;
  }
  if (::mount(from, to, nullptr, MS_BIND, nullptr) == 0) return true;
  return reason.fail("cannot put %s over %s: %s", from, to, std::strerror(errno));
}

bool cover_all(pam_handle_t* pamh, const char* space, Reason& reason) {
  char path[PATH_MAX];
  std::snprintf(path, sizeof path, "%s/%s", kFolder, space);
  DIR* const dir = ::opendir(path);
  if (!dir) return reason.fail("cannot read %s: %s", path, std::strerror(errno));
  bool ok = true;
  while (const auto* entry = ok ? ::readdir(dir) : nullptr)
    if (is_plain(entry->d_name)) ok = cover_file(pamh, space, entry->d_name, reason);
  ::closedir(dir);
  return ok;
}

/// What the host mounts later still shows inside, but nothing of ours outside.
bool own_mounts(KeptFd& home, Reason& reason) {
  if (!home.holds()) home.keep(UniqueFd(::open(kOwn, O_RDONLY | O_CLOEXEC)));
  if (home.get() >= 0 && ::unshare(CLONE_NEWNS) == 0 &&
      ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0)
    return true;
  return reason.fail("cannot make a mount namespace: %s", std::strerror(errno));
}

}  // namespace

bool enter_etc(pam_handle_t* pamh, const char* space, KeptFd& home, Reason& reason) {
  Cover present;
  const bool covered = !in_first_mounts() && find_cover(present);
  const bool wanted = has_folder(space);
  if (covered == wanted && (!covered || std::strcmp(present.space, space) == 0)) return true;
  return own_mounts(home, reason) && (!covered || uncover(reason)) &&
         (!wanted || cover_all(pamh, space, reason));
}

bool return_to_mounts(int fd) {
  char folder[PATH_MAX];
  const char* const known = ::getcwd(folder, sizeof folder);
  if (::setns(fd, CLONE_NEWNS) != 0) return false;
  return (known && ::chdir(known) == 0) || ::chdir("/") == 0;
}

}  // namespace warren::pam
