// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <span>
#include <sstream>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/file.h"

namespace warren::sys {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;
using Clock = std::chrono::steady_clock;
constexpr auto kGrace = std::chrono::seconds(1);
constexpr auto kKillWait = std::chrono::seconds(5);
constexpr std::size_t kAtOnce = 256;  // each takes a descriptor, of which a process may have 1024

template <class F>
void each_entry(const std::string& path, F visit) {
  const Directory dir(::opendir(path.c_str()), ::closedir);
  if (!dir) return;
  while (const auto* entry = ::readdir(dir.get())) visit(std::string_view(entry->d_name));
}

/// Invalid: the process is gone.
Result<UniqueFd> open_process(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid() && errno != ESRCH) return fail_errno(errno, fmt::format("watch process {}", pid));
  return fd;
}

/// Waits until all have ended or the time is up.
void wait_until(const std::vector<UniqueFd>& fds, Clock::time_point end) {
  for (const auto& fd : fds) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wanted{fd.get(), POLLIN, 0};
    if (fd.valid()) ::poll(&wanted, 1, static_cast<int>(std::max<long>(left, 0)));
  }
}

void signal_all(const std::vector<UniqueFd>& fds, int signal) {
  for (const auto& fd : fds)
    if (fd.valid()) ::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0);
}

bool alive(const UniqueFd& fd) {
  pollfd wanted{fd.get(), POLLIN, 0};
  return fd.valid() && ::poll(&wanted, 1, 0) == 0;
}

}  // namespace

Result<std::vector<Process>> processes() {
  std::vector<Process> all;
  each_entry("/proc", [&](std::string_view name) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size()) return;
    if (const auto id = netns_id(fmt::format("/proc/{}/ns/net", pid))) all.push_back({pid, *id});
  });
  if (all.empty()) return fail(Code::failed, "no process can be seen: is /proc mounted?");
  return all;
}

std::optional<uid_t> user_of(pid_t pid) {
  struct stat info {};
  if (::stat(fmt::format("/proc/{}", pid).c_str(), &info) != 0) return std::nullopt;
  return info.st_uid;
}

std::string unit_of(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/cgroup", pid));
  if (!text) return {};
  const std::string_view path(*text);
  for (const std::string_view kind : {".service", ".scope"}) {
    const auto end = path.rfind(kind);
    if (end == path.npos) continue;
    const auto begin = path.rfind('/', end) + 1;
    return printable(path.substr(begin, end + kind.size() - begin));
  }
  return {};
}

std::string command_of(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/cmdline", pid), 4096).value_or("");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.empty()) {
    text = read_file(fmt::format("/proc/{}/comm", pid)).value_or("");
    if (text.empty()) return "?";
    text = "[" + text.substr(0, text.find('\n')) + "]";
  }
  for (auto& c : text)  // a tenant chooses what stands here: no control characters to the operator's terminal
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = c == '\0' ? ' ' : '?';
  return text.substr(0, 200);
}

void hide_command_line(std::string_view name) {
  constexpr int kBefore = 45;  // fields between the short name and arg_start, arg_end: proc(5)
  const auto text = read_file("/proc/self/stat").value_or("");
  std::istringstream fields(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string field;
  for (int i = 0; i < kBefore; ++i) fields >> field;
  std::uintptr_t begin = 0, end = 0;
  auto* first = ::program_invocation_name;
  if (!(fields >> begin >> end) || begin != reinterpret_cast<std::uintptr_t>(first) || end <= begin) return;
  const std::span<char> words(first, end - begin);
  std::ranges::fill(words, '\0');
  std::ranges::copy(name.substr(0, words.size() - 1), words.begin());
}

std::vector<pid_t> holders_of(std::uint32_t inode, const std::vector<pid_t>& candidates) {
  const auto wanted = fmt::format("socket:[{}]", inode);
  std::vector<pid_t> holders;
  for (const auto pid : candidates) {
    const auto dir = fmt::format("/proc/{}/fd", pid);
    bool found = false;
    each_entry(dir, [&](std::string_view name) {
      char target[64];
      const auto size = ::readlink(fmt::format("{}/{}", dir, name).c_str(), target, sizeof target);
      found = found || (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == wanted);
    });
    if (found) holders.push_back(pid);
  }
  return holders;
}

namespace {

Status end_some(std::span<const pid_t> pids) {
  std::vector<UniqueFd> fds;
  for (const auto pid : pids) fds.push_back(TRY(open_process(pid)));
  signal_all(fds, SIGTERM);
  wait_until(fds, Clock::now() + kGrace);
  signal_all(fds, SIGKILL);
  wait_until(fds, Clock::now() + kKillWait);
  for (std::size_t i = 0; i < fds.size(); ++i)
    if (alive(fds[i]))
      return fail(Code::failed, fmt::format("process {} ({}) does not end", pids[i], command_of(pids[i])));
  return {};
}

}  // namespace

Status end_processes(const std::vector<pid_t>& pids) {
  for (std::span<const pid_t> rest(pids); !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    TRY(end_some(some));
    rest = rest.subspan(some.size());
  }
  return {};
}

}  // namespace warren::sys
