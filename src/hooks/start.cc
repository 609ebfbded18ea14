// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks/start.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "sys/child.h"
#include "sys/enter.h"
#include "sys/file.h"
#include "sys/words.h"

namespace warren::hooks {
namespace {

constexpr int kScript = 3;  // where a script has itself
constexpr int kExitNotRun = 126;

/// A file in memory: whoever reads it slowly or not at all holds nobody up.
Result<UniqueFd> input_of(const std::string& text) {
  const UniqueFd file(::memfd_create("warren-facts", MFD_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "make a file in memory");
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno(errno, "write the facts");
  return sys::out_of_the_way(file.get());
}

/// The reader's end, which never blocks, and the writer's.
Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  if (::fcntl(reader.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "set up a pipe");
  auto high = TRY(sys::out_of_the_way(writer.get()));
  return std::pair(std::move(reader), std::move(high));
}

/// Ended with whoever runs it, who may have ended just now.
void follow_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitNotRun);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void give_up(const char* what) {
  ::dprintf(STDERR_FILENO, "%s\n", what);
  ::_exit(kExitNotRun);
}

const char* reason(const Hook& hook, int error) {
  if (error == ENOEXEC) return "it is no program, and no script with a #! line";
  if (error == ENOENT && hook.script) return "there is no such interpreter as its #! line names";
  return std::strerror(error);
}

struct Streams {
  const UniqueFd& in;
  const UniqueFd& out;
  const UniqueFd& err;
  const UniqueFd& file;
};

[[noreturn]] void run_child(const Order& order, const Streams& streams, pid_t parent, char* const* arguments,
                            char* const* environment) {
  follow_parent(parent);
  ::setsid();
  reset_signals();
  ::umask(022);
  if (::chdir("/") != 0 || ::dup2(streams.in.get(), STDIN_FILENO) < 0 ||
      ::dup2(streams.out.get(), STDOUT_FILENO) < 0 || ::dup2(streams.err.get(), STDERR_FILENO) < 0)
    ::_exit(kExitNotRun);
  if (order.hook.inside)
    if (const auto entered = sys::enter_space(order.place, order.space); !entered)
      give_up(entered.error().what.c_str());
  ::syscall(SYS_close_range, kScript, ~0U, CLOSE_RANGE_CLOEXEC);
  int file = streams.file.get();
  if (order.hook.script) file = ::dup2(file, kScript);
  ::syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
  give_up(reason(order.hook, errno));
}

}  // namespace

Result<Running> start(const Order& order) {
  const auto in = TRY(input_of(order.input));
  auto [out, out_writer] = TRY(make_pipe());
  auto [err, err_writer] = TRY(make_pipe());
  const auto file = TRY(sys::out_of_the_way(order.hook.fd.get()));
  const std::vector<std::string> words{order.hook.path};
  const auto arguments = sys::pointers_to(words);
  const auto environment = sys::pointers_to(order.environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "start it");
  if (pid == 0)
    run_child(order, {in, out_writer, err_writer, file}, parent, arguments.data(), environment.data());
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) {
    const int error = errno;
    (void)sys::end_child(pid);
    return fail_errno(error, "watch it");
  }
  return Running{pid, std::move(process), std::move(out), std::move(err)};
}

}  // namespace warren::hooks
