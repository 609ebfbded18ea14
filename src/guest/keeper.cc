// SPDX-License-Identifier: GPL-2.0-or-later
// The keeper of a guest that boots. PID 1 of such a guest is its own program, which may give up whatever
// would end it together with `warren run`. So it lives in a PID namespace inside another one, whose PID 1 is
// this process: a copy of `warren run`, of the host's root, which the guest neither sees nor reaches. It ends
// when `warren run` does, and the kernel ends with it all that it keeps.
#include <cerrno>
#include <csignal>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/plan.h"

namespace warren::guest {
namespace {

/// A guest that halts as a whole is ended by the kernel with SIGINT, one that starts anew with SIGHUP.
int exit_status(int status) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) return 0;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// `warren run` passes these on translated: what comes here was sent to every process in sight.
bool is_for_all(int signal) { return signal == SIGTERM || signal == SIGINT; }

/// Passes signals on to the guest's PID 1, its only child, until that ends.
[[noreturn]] void attend_init(pid_t init) {
  ::close_range(0, ~0U, 0);
  sigset_t all;
  ::sigfillset(&all);
  for (;;) {
    if (int status = 0; ::waitpid(init, &status, WNOHANG) == init) ::_exit(exit_status(status));
    const int signal = ::sigwaitinfo(&all, nullptr);
    if (signal > 0 && signal != SIGCHLD && !is_for_all(signal)) ::kill(init, signal);
  }
}

[[noreturn]] void keep(Plan& plan) {
  ::setsid();  // a key at the caller's terminal is for `warren run` alone, which translates it
  auto started = depend_on(plan);
  if (started) started = start_stage(plan);
  if (!started) report(plan, started.error());
  if (plan.guest <= 0) ::_exit(1);
  attend_init(plan.guest);
}

}  // namespace

Status start_keeper(Plan& plan) {
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) keep(plan);
  if (pid < 0) return fail_errno(errno, "make a PID namespace around the guest's");
  plan.guest = pid;
  return {};
}

}  // namespace warren::guest
