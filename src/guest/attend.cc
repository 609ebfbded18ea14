// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <csignal>
#include <optional>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/plan.h"
#include "guest/terminal.h"

namespace warren::guest {
namespace {

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/// An init system takes SIGTERM for "start yourself anew"; this is how it is told to halt.
int translated(int signal, bool boot) {
  return boot && (signal == SIGTERM || signal == SIGINT) ? SIGRTMIN + 3 : signal;
}

class Attendant {
 public:
  Attendant(pid_t guest, bool boot) : guest_(guest), boot_(boot) {}

  Result<int> wait() {
    sigset_t all;
    ::sigfillset(&all);
    while (!ended_) {
      siginfo_t info{};
      const int signal = ::sigwaitinfo(&all, &info);
      if (signal > 0) take(signal);
    }
    return exit_status(status_);
  }

  Result<int> wait_at(const UniqueFd& master) {
    sigset_t all;
    ::sigfillset(&all);
    const UniqueFd signals(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals.valid()) return fail_errno(errno, "wait for signals");
    const RawTerminal raw;
    copy_size(master.get());
    for (bool input = true; !ended_ && relay(master.get(), signals.get(), input);) take_all(signals, master);
    drain(master.get());
    return ended_ ? exit_status(status_) : wait();
  }

 private:
  void take(int signal) {
    if (signal == SIGCHLD)
      ended_ = ended_ || ::waitpid(guest_, &status_, WNOHANG) == guest_;
    else
      ::kill(guest_, translated(signal, boot_));
  }
  void take_all(const UniqueFd& signals, const UniqueFd& master) {
    for (signalfd_siginfo info{}; ::read(signals.get(), &info, sizeof info) == sizeof info;)
      if (info.ssi_signo == SIGWINCH)
        copy_size(master.get());
      else
        take(static_cast<int>(info.ssi_signo));
  }

  pid_t guest_;
  bool boot_;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace

Result<int> attend(Plan& plan) {
  Attendant attendant(plan.guest, plan.request.boot);
  if (!plan.terminal) return attendant.wait();
  const auto master = TRY(receive_fd(plan.terminal_out.get()));
  return attendant.wait_at(master);
}

}  // namespace warren::guest
