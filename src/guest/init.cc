// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/plan.h"
#include "guest/terminal.h"
#include "sys/enter.h"

namespace warren::guest {
namespace {

constexpr int kExitNotRunnable = 126;  // as shells and env(1) say it
constexpr int kExitNotFound = 127;

/// What PID 1 keeps of a terminal whose keys are not asked for yet: the command is in the background there,
/// and who reads in the background is stopped.
constexpr int kTerminal = 0, kAsking = 1;

void ask_for_keys(pid_t command) {
  ::tcsetpgrp(kTerminal, command);
  (void)!::write(kAsking, "", 1);
  ::close_range(0, ~0U, 0);
  ::kill(-command, SIGCONT);
}

/// Takes away what has ended; ends itself when that is the command.
void reap(pid_t command, bool& asking) {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG | (asking ? WUNTRACED : 0))) > 0;)
    if (WIFSTOPPED(status)) {
      if (pid != command || (WSTOPSIG(status) != SIGTTIN && WSTOPSIG(status) != SIGTTOU)) continue;
      ask_for_keys(command);
      asking = false;
    } else if (pid == command)
      ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/// A key of the keyboard means all that runs in the foreground, any other signal the one process.
bool from_keyboard(int signal) { return signal == SIGINT || signal == SIGQUIT || signal == SIGHUP; }

void set_environment(const Plan& plan, const Identity& identity) {
  if (!plan.request.rootfs.empty()) {
    const auto* terminal = ::getenv("TERM");
    const std::string kept = terminal ? terminal : "linux";
    ::clearenv();
    ::setenv("TERM", kept.c_str(), 1);
    ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  }
  ::setenv("HOME", identity.home.c_str(), 1);
  ::setenv("USER", identity.name.c_str(), 1);
  ::setenv("LOGNAME", identity.name.c_str(), 1);
  ::setenv("SHELL", identity.shell.c_str(), 1);
  ::setenv("WARREN_SPACE", plan.request.space.c_str(), 1);
  ::setenv("container", "warren", 1);
}

/// What a process that never ran anything else would look like.
Status become_clean(const Plan& plan, const Identity& identity, const UniqueFd& terminal) {
  if (plan.keys_asked) {
    if (::setpgid(0, 0) != 0) return fail_errno(errno, "make a process group");
  } else if (::getsid(0) != ::getpid() && ::setsid() < 0) {
    return fail_errno(errno, "make a session");
  } else if (terminal.valid()) {
    TRY(take_terminal(terminal.get()));
  }
  if (terminal.valid()) TRY(use_terminal(terminal.get()));
  TRY(become(identity));
  if (plan.request.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno(errno, "give up new privileges");
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return fail_errno(errno, "close what is open");
  set_environment(plan, identity);
  if (::sigprocmask(SIG_SETMASK, &plan.signals, nullptr) != 0) return fail_errno(errno, "unblock signals");
  return {};
}

}  // namespace

void serve_as_init(const Plan& plan, pid_t command, int terminal) {
  bool asking =
      plan.keys_asked && ::dup2(terminal, kTerminal) >= 0 && ::dup2(plan.terminal_in.get(), kAsking) >= 0;
  ::close_range(asking ? kAsking + 1 : 0, ~0U, 0);
  sigset_t all;
  ::sigfillset(&all);
  for (;;) {
    reap(command, asking);
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&all, &info);
    if (signal <= 0 || signal == SIGCHLD) continue;
    // It may not lead a group yet.
    if (!from_keyboard(signal) || ::kill(-command, signal) != 0) ::kill(command, signal);
  }
}

void run_command(Plan& plan, const Identity& identity, UniqueFd terminal) {
  if (const auto clean = become_clean(plan, identity, terminal); !clean) {
    report(plan, clean.error());
    ::_exit(1);
  }
  const auto error = sys::exec_command(plan.request.command);
  const auto line = fmt::format("warren: {}\n", error.what);
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(error.code == Code::not_found ? kExitNotFound : kExitNotRunnable);
}

}  // namespace warren::guest
