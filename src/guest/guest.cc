// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/guest.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <poll.h>
#include <span>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/cgroup.h"
#include "guest/plan.h"
#include "guest/terminal.h"
#include "sys/child.h"
#include "sys/mounts.h"
#include "sys/netns.h"
#include "sys/userns.h"

namespace warren::guest {
namespace {

constexpr char kSettled = '.';                  // where an error has its code
constexpr std::chrono::seconds kPatience(120);  // a start takes milliseconds; a busy host has its time

Result<std::pair<UniqueFd, UniqueFd>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status make_channels(Plan& plan) {
  std::tie(plan.report_in, plan.report) = TRY(make_pipe());
  plan.outer = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!plan.outer.valid()) return fail_errno(errno, "make a descriptor of this process");
  plan.terminal = at_terminal();
  plan.keys_asked = keys_of(plan.request.boot) == Keys::when_read;
  if (!plan.terminal) return {};
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno(errno, "make a pair of sockets");
  plan.terminal_in = UniqueFd(ends[0]), plan.terminal_out = UniqueFd(ends[1]);
  return {};
}

/// The one that owns the space's network namespace, or a new one.
Result<UniqueFd> find_userns(const Request& request, int netns) {
  auto owner = TRY(sys::owner_of(netns));
  if (TRY(sys::is_own_userns(owner.get()))) return sys::make_userns(request.ids);
  if (!request.exact_ids || TRY(sys::runs_of(owner.get())) == sys::sorted(request.ids)) return owner;
  return sys::make_userns(request.ids);
}

Status check_inside(const SpaceName& space, int netns) {
  if (TRY(sys::netns_id(netns)) == TRY(sys::netns_id(TRY(sys::current_netns()).get()))) return {};
  return fail(Code::permission,
              fmt::format("only root enters a space; as a user, run this in a session that is in space {}",
                          space.str()));
}

/// The host's ID of the guest's root.
std::uint32_t root_of(const std::vector<IdRun>& runs) {
  const auto run = std::ranges::find(runs, 0U, &IdRun::inside);
  return run == runs.end() ? 0 : run->outside;
}

Status prepare_boot(Plan& plan) {
  const auto runs = TRY(sys::runs_of(plan.userns.get()));
  plan.cgroup = TRY(make_cgroup(::getpid(), root_of(runs.uid), root_of(runs.gid)));
  return {};
}

Status prepare_as_root(Plan& plan, const UniqueFd& netns) {
  plan.userns = TRY(find_userns(plan.request, netns.get()));
  if (plan.request.boot) TRY(prepare_boot(plan));
  TRY(sys::enter_netns(netns.get()));
  // Shows the devices of the network namespace; who may have it is asked of that one's owner.
  plan.sys = TRY(sys::fresh_mount(
      "sysfs", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  return open_sources(plan);
}

/// How many are ready; 0 when the time is up.
int poll_for(std::span<pollfd> fds, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    const int ready =
        ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0 || left.count() <= 0) return std::max(ready, 0);
  }
}

/// Until the guest is settled, or says why it cannot be. What it has to read first is the tenant's, and may
/// never come: there is an end to that wait, and a signal that means the end then means that of the guest.
Status await_report(const Plan& plan) {
  sigset_t ending;
  ::sigemptyset(&ending);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) ::sigaddset(&ending, signal);
  const UniqueFd signals(::signalfd(-1, &ending, SFD_CLOEXEC));
  if (!signals.valid()) return fail_errno(errno, "wait for signals");
  pollfd report{plan.report_in.get(), 0, 0};  // to be woken at its end alone is quicker
  std::array<pollfd, 2> ready{report, pollfd{signals.get(), POLLIN, 0}};
  const int came = poll_for(ready, kPatience);
  report.events = POLLIN;
  if (ready[0].revents != 0 || ::poll(&report, 1, 0) > 0 || plan.guest <= 0) return {};
  ::kill(plan.guest, SIGKILL);
  if (came > 0) return fail(Code::failed, "a signal came before the guest was ready: it is ended");
  return fail(Code::failed, fmt::format("the guest, process {}, was not ready within {} s, and is ended: do "
                                        "the file systems of its tree and its binds answer?",
                                        plan.guest, kPatience.count()));
}

Status start(Plan& plan, std::optional<sys::IdsLock>& lock) {
  sigset_t all;
  ::sigfillset(&all);
  for (const int own : {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT}) ::sigdelset(&all, own);
  ::sigprocmask(SIG_BLOCK, &all, &plan.signals);
  TRY(plan.request.boot ? start_keeper(plan) : start_stage(plan));
  plan.report.reset();
  plan.terminal_in.reset();
  const auto awaited = await_report(plan);
  lock.reset();
  auto error = awaited ? reported(plan) : awaited.error();
  if (plan.guest <= 0)
    return std::unexpected(
        std::move(error).value_or(fail(Code::failed, "the guest's namespaces were not made").error()));
  if (!error) return {};
  (void)sys::end_child(plan.guest);
  return std::unexpected(std::move(*error));
}

}  // namespace

Status prepare(Plan& plan) {
  const auto& request = plan.request;
  const auto netns = sys::open_netns(request.place.pin(request.space.str()));
  if (!netns)
    return fail(Code::not_found,
                fmt::format("no space '{0}' is up; `warren ls` lists them, `warren up {0}` starts one",
                            request.space.str()));
  plan.root = ::geteuid() == 0;
  if (!plan.root) TRY(check_inside(request.space, netns->get()));
  if (char* directory = ::get_current_dir_name()) plan.directory = directory, std::free(directory);
  TRY(make_channels(plan));
  if (plan.root)
    TRY(prepare_as_root(plan, *netns));
  else
    plan.userns = TRY(sys::make_userns_as_user(request.ids));
  return {};
}

void report(const Plan& plan, const Error& error) {
  const auto text = std::string(1, static_cast<char>('0' + static_cast<int>(error.code))) + error.what;
  (void)!::write(plan.report.get(), text.data(), text.size());
}

void report_settled(const Plan& plan) { (void)!::write(plan.report.get(), &kSettled, 1); }

std::optional<Error> reported(Plan& plan) {
  std::string text;
  while (text.empty()) {
    text.resize(4096);
    ssize_t size = 0;
    while ((size = ::read(plan.report_in.get(), text.data(), text.size())) < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    if (text[0] == kSettled) text.erase(0, 1);
  }
  return Error{static_cast<Code>(text[0] - '0'), 0, text.substr(1)};
}

Result<int> run(const Request& request, std::optional<sys::IdsLock> lock) {
  Plan plan(request);
  struct Cleaner {
    const Plan& plan;
    ~Cleaner() {
      if (plan.cgroup.lock.valid()) remove_cgroup(plan.cgroup);
    }
  } const cleaner{plan};
  std::signal(SIGCHLD, SIG_DFL);  // whoever ignores it, is not told how a child ended
  TRY(prepare(plan));
  TRY(start(plan, lock));
  return attend(plan);
}

}  // namespace warren::guest
