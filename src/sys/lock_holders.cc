// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/lock_holders.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/process.h"

namespace warren::sys {
namespace {

constexpr std::size_t kMostLocks = 16 << 20;  // bytes of the kernel's list
constexpr int kMostAncestors = 4096;          // processes may be changing while we climb

/// The parent of a process; 0 when it is gone, or has none.
pid_t parent_of(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid)).value_or("");
  const auto name_end = text.rfind(')');  // the name, in brackets, may hold anything
  if (name_end == text.npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  char state = 0;
  pid_t parent = 0;
  return fields >> state >> parent ? parent : 0;
}

}  // namespace

std::vector<pid_t> lock_holders(int fd) {
  struct stat file {};
  if (::fstat(fd, &file) != 0) return {};
  const auto wanted =
      fmt::format("{:02x}:{:02x}:{}", ::major(file.st_dev), ::minor(file.st_dev), file.st_ino);
  // "12: FLOCK  ADVISORY  WRITE 812 00:1a:345 0 EOF"; who only waits has "->" in the second place.
  std::istringstream lines(read_file("/proc/locks", kMostLocks).value_or(""));
  std::vector<pid_t> pids;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, kind, strength, access, place;
    pid_t pid = 0;
    if (!(words >> number >> kind >> strength >> access >> pid >> place)) continue;
    if (place == wanted && pid > 0 && std::ranges::find(pids, pid) == pids.end()) pids.push_back(pid);
  }
  return pids;
}

std::string named(const std::vector<pid_t>& pids) {
  std::string text;
  for (const auto pid : pids)
    text += fmt::format("{}PID {} ({})", text.empty() ? "" : ", ", pid, command_of(pid));
  return text.empty() ? "another process" : text;
}

bool is_below(const std::vector<pid_t>& pids) {
  auto pid = ::getppid();
  for (int i = 0; i < kMostAncestors && pid > 1; ++i, pid = parent_of(pid))
    if (std::ranges::find(pids, pid) != pids.end()) return true;
  return false;
}

}  // namespace warren::sys
