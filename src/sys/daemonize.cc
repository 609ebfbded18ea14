// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/daemonize.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/words.h"

namespace warren::sys {
namespace {

using Clock = std::chrono::steady_clock;

/// To be started takes a moment, unless the program lies on a file system that does not answer.
constexpr auto kPatience = std::chrono::seconds(30);

/// What the starter is told, once, through a pipe that exec closes.
struct Told {
  pid_t pid = 0;
  int error = 0;
};

[[noreturn]] void give_up(int pipe, int error) {
  const Told told{0, error};
  (void)!::write(pipe, &told, sizeof told);
  ::_exit(1);
}

struct Start {
  char* const* argv;
  char* const* environment;
  int netns;
  int null;
  int pipe;
};

/// Only calls that are safe after a fork of one thread among many.
[[noreturn]] void become(const Start& start) {
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  for (const int fd : {0, 1, 2})
    if (!put_at(start.null, fd)) give_up(start.pipe, errno);
  if (::chdir("/") != 0 || ::setns(start.netns, CLONE_NEWNET) != 0) give_up(start.pipe, errno);
  const Told told{::getpid(), 0};
  if (::write(start.pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(1);
  ::execve(start.argv[0], start.argv, start.environment);
  give_up(start.pipe, errno);
}

/// False: nothing came, and nobody closed the pipe, until the time was up.
bool wait_to_read(int pipe, Clock::time_point end) {
  pollfd wanted{pipe, POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (::poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0) return true;
    if (left <= 0) return false;
  }
}

Result<pid_t> read_told(int pipe, const std::string& program) {
  const auto end = Clock::now() + kPatience;
  Told told;
  pid_t pid = 0;
  for (;;) {
    if (!wait_to_read(pipe, end)) {
      if (pid != 0) ::kill(pid, SIGKILL);
      return fail(Code::failed, fmt::format("{} did not begin within {} s", program, kPatience.count()));
    }
    if (::read(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) break;
    if (told.error != 0) return fail_errno(told.error, "run " + program);
    pid = told.pid;
  }
  if (pid != 0) return pid;
  return fail(Code::failed, program + " ended before it began");
}

}  // namespace

Result<pid_t> start_detached(const Detached& program) {
  const auto null = TRY(open_file("/dev/null", O_RDWR));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  const UniqueFd from(ends[0]);
  UniqueFd writer(ends[1]);
  // In a program whose standard streams are closed these may be where the child puts its own.
  auto to = TRY(out_of_the_way(writer.get()));
  writer.reset();
  const auto netns = TRY(out_of_the_way(program.netns));
  const auto argv = pointers_to(program.command), environment = pointers_to(program.environment);
  const pid_t between = ::fork();
  if (between < 0) return fail_errno(errno, "fork");
  if (between == 0) {  // ends at once, so that the program is init's child
    const pid_t child = ::fork();
    if (child == 0) become({argv.data(), environment.data(), netns.get(), null.get(), to.get()});
    ::_exit(child < 0 ? 1 : 0);
  }
  to.reset();
  (void)wait_for_child(between, kPatience);
  return read_told(from.get(), program.command.front());
}

std::optional<std::string> start_time_of(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid));
  if (!text) return std::nullopt;
  const auto name_end = text->rfind(')');  // the name, in brackets, may hold anything
  if (name_end == text->npos) return std::nullopt;
  std::size_t at = name_end + 1;
  if (text->compare(at, 2, " Z") == 0) return std::nullopt;
  for (int field = 3; field < 22 && at != text->npos; ++field) at = text->find(' ', at + 1);
  if (at == text->npos) return std::nullopt;
  return text->substr(at + 1, text->find(' ', at + 1) - at - 1);
}

}  // namespace warren::sys
