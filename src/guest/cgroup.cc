// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <linux/magic.h>
#include <memory>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <vector>

#include "sys/file.h"

namespace warren::guest {
namespace {

constexpr const char* kMount = "/sys/fs/cgroup";
constexpr std::string_view kPrefix = "warren-run-";
constexpr std::string_view kMaxDepth = "64";
constexpr std::string_view kMaxDescendants = "4096";
constexpr int kTries = 100;

/// The caller's.
Result<std::string> own_cgroup() {
  struct statfs info {};
  if (::statfs(kMount, &info) != 0 || info.f_type != CGROUP2_SUPER_MAGIC)
    return fail(Code::unsupported, fmt::format("--boot needs cgroups of version 2 at {}", kMount));
  const auto path = unified_cgroup(TRY(sys::read_file("/proc/self/cgroup")));
  if (!path) return fail(Code::unsupported, "this process is in no cgroup of version 2");
  return *path == "/" ? kMount : kMount + *path;
}

UniqueFd open_directory(int at, const char* name) {
  return UniqueFd(::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::optional<std::string> first_below(int directory) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // the DIR closes it
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(again), ::closedir);
  if (!entries) return std::nullopt;
  while (const auto* entry = ::readdir(entries.get()))
    if (const std::string name = entry->d_name; entry->d_type == DT_DIR && name != "." && name != "..")
      return name;
  return std::nullopt;
}

/// Step by step, with one directory open: a guest may nest them deeper than a path, or a stack, reaches.
void remove_below(UniqueFd at) {
  for (std::vector<std::string> way; at.valid();) {
    if (auto name = first_below(at.get())) {
      at = open_directory(at.get(), name->c_str());
      way.push_back(std::move(*name));
    } else {
      if (way.empty()) return;
      at = open_directory(at.get(), "..");
      if (!at.valid() || ::unlinkat(at.get(), way.back().c_str(), AT_REMOVEDIR) != 0) return;
      way.pop_back();
    }
  }
}

bool is_populated(const std::string& path) {
  const auto events = sys::read_file(path + "/cgroup.events");
  return !events || events->find("populated 0") == std::string::npos;
}

/// What is locked belongs to a `warren run` that lives; one that was killed may end before its guest does.
void remove_stale(const std::string& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    const auto path = entry.path().string();
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    const Cgroup stale{path, open_directory(AT_FDCWD, path.c_str())};
    if (stale.lock.valid() && ::flock(stale.lock.get(), LOCK_EX | LOCK_NB) == 0 && !is_populated(path))
      remove_cgroup(stale);
  }
}

bool is_still_there(const Cgroup& cgroup) {
  struct stat opened {
  }, named{};
  return ::fstat(cgroup.lock.get(), &opened) == 0 && ::stat(cgroup.path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino;
}

/// Another `warren run` may take it for stale before it is locked, and one in another PID namespace may have
/// the same PID: then the next name.
Result<Cgroup> make_locked(const std::string& parent, pid_t caller) {
  for (int n = 0; n < kTries; ++n) {
    const auto path = fmt::format("{}/{}{}-{}", parent, kPrefix, caller, n);
    if (::mkdir(path.c_str(), 0755) == 0) {
      Cgroup made{path, open_directory(AT_FDCWD, path.c_str())};
      if (made.lock.valid() && ::flock(made.lock.get(), LOCK_SH | LOCK_NB) == 0 && is_still_there(made))
        return made;
    } else if (errno != EEXIST) {
      return fail_errno(errno, "make the cgroup " + path);
    }
  }
  return fail(Code::failed,
              fmt::format("no cgroup {}/{}{}-N could be made and locked", parent, kPrefix, caller));
}

/// The limits stay root's: every cgroup costs memory of the kernel.
Status give_away(const std::string& path, uid_t uid, gid_t gid) {
  TRY(sys::write_existing(path + "/cgroup.max.depth", kMaxDepth));
  TRY(sys::write_existing(path + "/cgroup.max.descendants", kMaxDescendants));
  for (const auto* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"})
    if (::chown((path + file).c_str(), uid, gid) != 0)
      return fail_errno(errno, "give away the cgroup " + path);
  return {};
}

}  // namespace

std::optional<std::string> unified_cgroup(std::string_view text) {
  constexpr std::string_view kBegin = "0::";
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (line.starts_with(kBegin)) return std::string(line.substr(kBegin.size()));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

Result<Cgroup> make_cgroup(pid_t caller, uid_t uid, gid_t gid) {
  const auto parent = TRY(own_cgroup());
  remove_stale(parent);
  auto made = TRY(make_locked(parent, caller));
  if (auto given = give_away(made.path, uid, gid); !given) {
    remove_cgroup(made);
    return std::unexpected(std::move(given.error()));
  }
  return made;
}

Status enter_cgroup(const Cgroup& cgroup) { return sys::write_existing(cgroup.path + "/cgroup.procs", "0"); }

void remove_cgroup(const Cgroup& cgroup) {
  remove_below(open_directory(cgroup.lock.get(), "."));
  ::rmdir(cgroup.path.c_str());
}

}  // namespace warren::guest
