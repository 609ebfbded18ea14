// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/daemonize.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "sys/file.h"

namespace warren::sys {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const auto& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

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

/// Only calls that are safe after a fork of one thread among many.
[[noreturn]] void become(const Detached& program, char** argv, char** environment, int null, int pipe) {
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  if (::chdir("/") != 0 || ::setns(program.netns, CLONE_NEWNET) != 0) give_up(pipe, errno);
  const Told told{::getpid(), 0};
  if (::write(pipe, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) ::_exit(1);
  ::execve(argv[0], argv, environment);
  give_up(pipe, errno);
}

Result<pid_t> read_told(int pipe, const std::string& program) {
  Told told;
  pid_t pid = 0;
  while (::read(pipe, &told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
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
  UniqueFd to(ends[1]);
  auto argv = pointers(program.command), environment = pointers(program.environment);
  const pid_t between = ::fork();
  if (between < 0) return fail_errno(errno, "fork");
  if (between == 0) {  // goes at once, so that the program is init's child
    const pid_t child = ::fork();
    if (child == 0) become(program, argv.data(), environment.data(), null.get(), to.get());
    ::_exit(child < 0 ? 1 : 0);
  }
  to.reset();
  while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
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
