// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/cgroup.h"

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/file.h"

namespace warren::guest {
namespace {

constexpr const char* kMount = "/sys/fs/cgroup";
constexpr std::string_view kPrefix = "warren-run-";

/// The caller's: the line "0::/PATH".
Result<std::string> own_cgroup() {
  struct statfs info {};
  if (::statfs(kMount, &info) != 0 || info.f_type != CGROUP2_SUPER_MAGIC)
    return fail(Code::unsupported, fmt::format("--boot needs cgroups of version 2 at {}", kMount));
  const auto text = TRY(sys::read_file("/proc/self/cgroup"));
  const auto at = text.find("0::");
  if (at == std::string::npos) return fail(Code::unsupported, "this process is in no cgroup of version 2");
  const auto path = text.substr(at + 3, text.find('\n', at) - at - 3);
  return path == "/" ? kMount : kMount + path;
}

void remove_stale(const std::string& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored))
    if (entry.path().filename().string().starts_with(kPrefix)) remove_cgroup(entry.path().string());
}

}  // namespace

Result<std::string> make_cgroup(pid_t caller, uid_t uid, gid_t gid) {
  const auto parent = TRY(own_cgroup());
  remove_stale(parent);
  const auto path = fmt::format("{}/{}{}", parent, kPrefix, caller);
  if (::mkdir(path.c_str(), 0755) != 0) return fail_errno(errno, "make the cgroup " + path);
  for (const auto* file : {"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"})
    if (::chown((path + file).c_str(), uid, gid) != 0)
      return fail_errno(errno, "give away the cgroup " + path);
  return path;
}

Status enter_cgroup(const std::string& path) { return sys::write_existing(path + "/cgroup.procs", "0"); }

void remove_cgroup(const std::string& path) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored))
    if (entry.is_directory(ignored)) remove_cgroup(entry.path().string());
  ::rmdir(path.c_str());
}

}  // namespace warren::guest
