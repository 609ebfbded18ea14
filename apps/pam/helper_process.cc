// SPDX-License-Identifier: GPL-2.0-or-later
#include "helper_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"

namespace warren::pam {
namespace {

constexpr int kCannotRun = 127;

[[noreturn]] void give_up(int error_fd, const char* what) {
  const char* const why = ::strerrordesc_np(errno);  // unlike strerror() it translates nothing
  for (const char* piece : {what, ": ", why ? why : "?", "\n"})
    if (::write(error_fd, piece, std::strlen(piece)) < 0) break;
  ::_exit(kCannotRun);
}

void default_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// As far as is allowed: what is above the hard limit takes a capability that a container's root may lack.
template <class Resource>
void set_limit(Resource resource, rlimit wanted) {
  rlimit present{};
  if (::setrlimit(resource, &wanted) == 0 || ::getrlimit(resource, &present) != 0) return;
  present.rlim_cur = std::min(wanted.rlim_cur, present.rlim_max);
  ::setrlimit(resource, &present);
}

/// Whoever calls su or sudo chooses his limits, and must not be able to make the helper fail half-way by
/// them.
void default_limits() {
  constexpr rlimit kEndless{RLIM_INFINITY, RLIM_INFINITY};
  for (const auto resource : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_NPROC})
    set_limit(resource, kEndless);
  set_limit(RLIMIT_NOFILE, {1024, 524288});
  set_limit(RLIMIT_CORE, {0, 0});
}

/// In su the real user is still the caller. By bare system calls: the C library's would wait for the caller's
/// other threads, which are not here, to change too.
bool all_root() {
  if (::geteuid() != 0) return true;
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, 0, 0, 0) == 0 &&
         ::syscall(SYS_setresuid, 0, 0, 0) == 0;
}

void standard_fds(int error_fd) {
  ::dup2(error_fd, STDERR_FILENO);
  ::fcntl(STDERR_FILENO, F_SETFD, 0);  // dup2() to itself would leave it to be closed by exec
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::fcntl(STDERR_FILENO, F_SETFL, 0);  // blocking, as a program expects it
  ::syscall(SYS_close_range, 3U, ~0U, 0);
}

}  // namespace

HelperProcess::HelperProcess(const Options& options, const char* user, int error_fd)
    : arguments_{options.helper, "up", "--member", user, options.create ? "--create" : nullptr, nullptr},
      net_(host_netns()),
      mounts_(::open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC)),
      seconds_(static_cast<unsigned>(options.timeout_ms) / 1000 + 1),
      error_fd_(error_fd) {}

void HelperProcess::clean() const {
  default_signals();
  ::setsid();  // no terminal, and a group that can be ended as a whole
  if (!all_root()) give_up(error_fd_, "setresuid");
  default_limits();
  ::umask(022);
  // Its pins must show on the host, and it must see the host's links. Without privilege it fails by itself.
  if (net_.valid() && !enter_netns(net_.get()) && errno != EPERM)
    give_up(error_fd_, "host's network namespace");
  if (mounts_.valid() && ::setns(mounts_.get(), CLONE_NEWNS) != 0 && errno != EPERM)
    give_up(error_fd_, "host's mounts");
  if (::chdir("/") != 0) give_up(error_fd_, "chdir /");
}

void HelperProcess::run() const {
  static constexpr const char* kEnvironment[] = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  ::alarm(seconds_);  // should the login end first, nobody else is there to mind the time
  ::execve(arguments_[0], const_cast<char* const*>(arguments_), const_cast<char* const*>(kEnvironment));
  give_up(STDERR_FILENO, arguments_[0]);
}

int HelperProcess::keep(void* process) {
  const auto& self = *static_cast<const HelperProcess*>(process);
  self.clean();
  standard_fds(self.error_fd_);
  const pid_t pid = ::_Fork();  // takes no lock
  if (pid < 0) give_up(STDERR_FILENO, "fork");
  if (pid == 0) self.run();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) ::_exit(kCannotRun);
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

}  // namespace warren::pam
