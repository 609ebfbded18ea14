// SPDX-License-Identifier: GPL-2.0-or-later
// PID 1 of the guest, from its birth to the start of the command. It is a copy of a process of the host's
// root: it is never dumpable, so that the guest's root cannot look into it, until exec replaces it.
#include <array>
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/plan.h"
#include "guest/seccomp.h"
#include "guest/terminal.h"
#include "sys/process.h"
#include "sys/sharing.h"

namespace warren::guest {
namespace {

Status become_root() {
  const gid_t group = 0;
  if (::setgroups(1, &group) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    return fail_errno(errno, "become root in the user namespace");
  return {};
}

Status set_hostname(const Request& request) {
  const auto& name = request.hostname.empty() ? request.space.str() : request.hostname;
  if (::sethostname(name.data(), name.size()) != 0) return fail_errno(errno, "set the host name");
  return {};
}

struct Ready {
  Identity identity;
  UniqueFd terminal;
};

/// What is typed at the caller's terminal to interrupt is told by `warren run` alone. A session, which takes
/// the scheduler time, the command makes itself where it may.
Status leave_foreground(const Plan& plan) {
  const bool session = plan.request.boot || plan.keys_asked;
  if ((session ? ::setsid() : ::setpgid(0, 0)) < 0) return fail_errno(errno, "leave the foreground");
  return {};
}

/// The terminal of the guest; one that boots finds it at /dev/console, too.
Result<UniqueFd> make_terminal(Plan& plan) {
  auto terminal = TRY(open_terminal(plan.devpts.get()));
  TRY(send_fd(plan.terminal_in.get(), terminal.master.get()));
  if (plan.request.boot) TRY(provide_console(terminal.master.get()));
  if (plan.keys_asked) TRY(take_terminal(terminal.slave.get()));
  return std::move(terminal.slave);
}

/// All that can fail, before anything of the guest runs.
Result<Ready> settle(Plan& plan) {
  TRY(leave_foreground(plan));
  if (plan.root)
    TRY(take_sources(plan));
  else
    TRY(open_sources(plan));  // as the user, who can reach what is his
  TRY(become_root());
  TRY(depend_on(plan));
  sys::hide_command_line("warren");  // it names paths of the host
  ::umask(022);
  TRY(set_hostname(plan.request));
  TRY(furnish_tree(plan));
  Ready ready{TRY(find_identity(plan.request.user)), UniqueFd()};
  if (plan.terminal) ready.terminal = TRY(make_terminal(plan));
  TRY(install_filter());
  return ready;
}

[[noreturn]] void give_up(const Plan& plan, const Error& error) {
  report(plan, error);
  ::_exit(1);
}

struct Start {
  Plan& plan;
  Ready& ready;
};

void start_command(void* start) {
  auto& [plan, ready] = *static_cast<Start*>(start);
  run_command(plan, ready.identity, std::move(ready.terminal));
}

}  // namespace

Status depend_on(const Plan& plan) {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return fail_errno(errno, "depend on the process outside");
  pollfd outer{plan.outer.get(), POLLIN, 0};
  if (::poll(&outer, 1, 0) != 0) return fail(Code::failed, "the process outside has ended");
  return {};
}

void run_inside(Plan& plan) {
  auto ready = settle(plan);
  if (!ready) give_up(plan, ready.error());
  report_settled(plan);
  const int terminal = ready->terminal.get();
  Start start{plan, *ready};
  if (plan.request.boot) start_command(&start);
  const auto pid = sys::start_sharing(start_command, &start);  // this process only waits for it
  if (!pid) give_up(plan, pid.error());
  serve_as_init(plan, *pid, terminal);
}

}  // namespace warren::guest
