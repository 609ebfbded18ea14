// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/child.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace warren::sys {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kKillPatience = std::chrono::seconds(5);
constexpr std::int64_t kLongestPause = 10;  // ms, where there was no descriptor left to be woken by

}  // namespace

std::optional<int> wait_for_child(pid_t pid, std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  for (;;) {
    int status = 0;
    const auto ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return status;
    if (ended < 0 && errno != EINTR) return 0;  // it is no child of ours, or somebody else waited for it
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    if (!process.valid()) left = std::min<std::int64_t>(left, kLongestPause);
    pollfd wanted{process.get(), POLLIN, 0};  // a negative descriptor is passed over: a mere pause
    (void)::poll(&wanted, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
  }
}

std::optional<int> end_child(pid_t pid) {
  ::kill(pid, SIGKILL);
  return wait_for_child(pid, kKillPatience);
}

}  // namespace warren::sys
