// SPDX-License-Identifier: GPL-2.0-or-later
// Two processes are made. The keeper is a copy of the caller that runs no other program, so the kernel lets
// it end without SIGCHLD, and no wait() of the caller's takes it for one of its own children. It starts the
// helper and waits for it. The caller waits for the keeper, reads what the helper says on stderr, and minds
// the clock.
#include "helper.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper_process.h"

namespace warren::pam {
namespace {

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// The first line that came out of the helper, made fit for syslog.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  /// Takes what is there; false at the end. What goes beyond the first line is read too, lest the helper
  /// waits.
  bool take() {
    char piece[512];
    const auto size = ::read(fd_, piece, sizeof piece);
    for (ssize_t i = 0; i < size; ++i) add(piece[i]);
    return size > 0;
  }
  [[nodiscard]] const char* line() const { return line_; }

 private:
  void add(char c) {
    complete_ = complete_ || (c == '\n' && size_ > 0);
    if (complete_ || c == '\n' || size_ + 1 >= sizeof line_) return;
    line_[size_++] = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }

  int fd_;
  bool complete_ = false;
  std::size_t size_ = 0;
  char line_[200] = "";
};

/// Waits until the keeper has ended or the time is up: did it end?
bool wait_for(int keeper, int pipe, Output& output, std::int64_t end) {
  pollfd wanted[] = {{keeper, POLLIN, 0}, {pipe, POLLIN, 0}};
  for (;;) {
    const auto left = std::max<std::int64_t>(end - now_ms(), 0);
    const int ready = ::poll(wanted, 2, static_cast<int>(left));
    if (ready == 0 || (ready < 0 && errno != EINTR)) return false;
    if (ready < 0) continue;
    if (wanted[1].revents && !output.take()) wanted[1].fd = -1;
    if (wanted[0].revents) return true;
  }
}

/// First the keeper, so that it starts nothing any more; its group outlives it until it is waited for.
void end_all(pid_t pid, int keeper) {
  ::syscall(SYS_pidfd_send_signal, keeper, SIGKILL, nullptr, 0);
  pollfd wanted{keeper, POLLIN, 0};
  while (::poll(&wanted, 1, -1) < 0 && errno == EINTR) continue;
  ::kill(-pid, SIGKILL);
}

bool judge(int status, const Output& output, Reason& reason) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  const char* const colon = *output.line() ? ": " : "";
  if (WIFSIGNALED(status))
    return reason.fail("the helper was ended by signal %d%s%s", WTERMSIG(status), colon, output.line());
  return reason.fail("the helper failed with exit code %d%s%s", WEXITSTATUS(status), colon, output.line());
}

/// Starts the keeper with all signals blocked, so that none of the caller's handlers ever runs in it.
pid_t start_keeper(HelperProcess& process, int& keeper) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  alignas(16) char stack[64 * 1024];  // of the copy: its memory is its own
  const pid_t pid = ::clone(HelperProcess::keep, stack + sizeof stack, CLONE_PIDFD, &process, &keeper);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

bool run_helper(const Options& options, const char* user, Reason& reason) {
  if (*user == '-') return reason.fail("%s cannot be the name of a member", user);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return reason.fail("cannot make a pipe: %s", std::strerror(errno));
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  HelperProcess process(options, user, write_end.get());
  const auto end = now_ms() + options.timeout_ms;
  int pidfd = -1;
  const pid_t pid = start_keeper(process, pidfd);
  if (pid < 0) return reason.fail("cannot start the helper: %s", std::strerror(errno));
  const UniqueFd keeper(pidfd);
  write_end.reset();
  Output output(read_end.get());
  const bool ended = wait_for(keeper.get(), read_end.get(), output, end);
  if (!ended) end_all(pid, keeper.get());
  int status = 0;
  while (::waitpid(pid, &status, __WALL) < 0 && errno == EINTR) continue;
  while (output.take()) continue;
  if (ended) return judge(status, output, reason);
  return reason.fail("the helper took longer than %d ms%s%s", options.timeout_ms, *output.line() ? ": " : "",
                     output.line());
}

}  // namespace warren::pam
