// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <csignal>
#include <optional>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/plan.h"
#include "guest/relay.h"
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

  /// At a terminal the guest is seen to its end, and what it wrote last is shown: a signal spares who waits
  /// for that in vain.
  Result<int> wait_at(Relay& relay) {
    sigset_t all;
    ::sigfillset(&all);
    const UniqueFd signals(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals.valid()) return fail_errno(errno, "wait for signals");
    relay.copy_size();
    while (!ended_) {
      relay.round(signals.get());
      take_all(signals, relay);
      if (relay.escaped()) ::kill(guest_, SIGKILL);
    }
    for (told_ = false; !told_ && relay.pending(); take_all(signals, relay)) relay.round(signals.get());
    return exit_status(status_);
  }

 private:
  void take(int signal) {
    if (signal == SIGCHLD)
      ended_ = ended_ || ::waitpid(guest_, &status_, WNOHANG) == guest_;
    else
      tell(translated(signal, boot_));
  }
  void tell(int signal) {
    told_ = true;
    if (!ended_) ::kill(guest_, signal);  // its number may be another's by now
  }
  void take_all(const UniqueFd& signals, Relay& relay) {
    for (signalfd_siginfo info{}; ::read(signals.get(), &info, sizeof info) == sizeof info;)
      if (info.ssi_signo == SIGWINCH)
        relay.copy_size();
      else
        take(static_cast<int>(info.ssi_signo));
  }

  pid_t guest_;
  bool boot_;
  bool ended_ = false;
  bool told_ = false;  ///< has there been a signal for it?
  int status_ = 0;
};

}  // namespace

Result<int> attend(Plan& plan) {
  Attendant attendant(plan.guest, plan.request.boot);
  if (!plan.terminal) return attendant.wait();
  auto relay = TRY(Relay::open(TRY(receive_fd(plan.terminal_out.get()))));
  const auto keys = keys_of(plan.request.boot);
  if (keys == Keys::at_once) relay.begin_keys();
  if (keys == Keys::when_read) relay.begin_keys_when(std::move(plan.terminal_out));
  return attendant.wait_at(relay);
}

}  // namespace warren::guest
