// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/userns.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <spawn.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sys/child.h"
#include "sys/file.h"
#include "sys/words.h"
#include "types/id_range.h"

namespace warren::sys {
namespace {

/// newuidmap looks users up, and a directory of users may not answer.
constexpr auto kPatienceForHelper = std::chrono::seconds(30);

/// A process that only waits, in namespaces of its own, so that they can be opened; it ends with this object,
/// or with us: the pipe that it reads is then closed.
class Holder {
 public:
  static Result<Holder> start(unsigned long namespaces) { return begin(namespaces, -1); }
  static Result<Holder> start_in(int userns) { return begin(0, userns); }
  Holder(Holder&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), lifeline_(std::move(other.lifeline_)) {}
  Holder& operator=(Holder&&) = delete;
  ~Holder() {
    if (pid_ <= 0) return;
    (void)end_child(pid_);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string file(const char* name) const { return fmt::format("/proc/{}/{}", pid_, name); }

 private:
  Holder(pid_t pid, UniqueFd lifeline) : pid_(pid), lifeline_(std::move(lifeline)) {}

  /// The pipe tells both ways: that the child stands where it should, and that it may go.
  static Result<Holder> begin(unsigned long namespaces, int userns) {
    int down[2], up[2];
    if (::pipe2(down, O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
    UniqueFd down_read(down[0]), down_write(down[1]);
    if (::pipe2(up, O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
    UniqueFd up_read(up[0]), up_write(up[1]);
    const auto pid = static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) hold(userns, down, up[1]);
    if (pid < 0) return fail_errno(errno, "make a user namespace");
    Holder holder(pid, std::move(down_write));
    up_write.reset();
    int error = EPIPE;
    if (::read(up_read.get(), &error, sizeof error) != sizeof error || error != 0)
      return fail_errno(error, "enter the user namespace");
    return holder;
  }

  /// Runs beside threads that may have held any lock when it was cloned: system calls alone.
  [[noreturn]] static void hold(int userns, const int* lifeline, int answer) {
    ::close(lifeline[1]);
    const int error = userns >= 0 && ::setns(userns, CLONE_NEWUSER) != 0 ? errno : 0;
    char byte = 0;
    if (::write(answer, &error, sizeof error) == sizeof error)
      while (::read(lifeline[0], &byte, 1) < 0 && errno == EINTR) continue;
    ::_exit(0);
  }

  pid_t pid_;
  UniqueFd lifeline_;
};

std::string lines_of(const std::vector<IdRun>& runs) {
  std::string text;
  for (const auto& run : runs) text += fmt::format("{} {} {}\n", run.inside, run.outside, run.count);
  return text;
}

Status write_maps(const Holder& holder, const IdRuns& runs) {
  TRY_WRAP("set the UIDs of the user namespace", write_existing(holder.file("uid_map"), lines_of(runs.uid)));
  TRY_WRAP("set the GIDs of the user namespace", write_existing(holder.file("gid_map"), lines_of(runs.gid)));
  return {};
}

Result<std::vector<IdRun>> read_runs(const std::string& path) {
  std::istringstream text(TRY(read_file(path)));
  std::vector<IdRun> runs;
  for (IdRun run; text >> run.inside >> run.outside >> run.count;)
    if (run.outside <= kLastId) runs.push_back(run);  // else of a namespace that we are below of
  return runs;
}

/// newuidmap(1) PID INSIDE OUTSIDE COUNT...; what it complains of it writes to standard error itself.
Status call_helper(const char* program, pid_t pid, const std::vector<IdRun>& runs) {
  std::vector<std::string> words{program, std::to_string(pid)};
  for (const auto& run : runs)
    for (const auto number : {run.inside, run.outside, run.count}) words.push_back(std::to_string(number));
  const auto argv = pointers_to(words);
  pid_t helper = 0;
  if (const int error = ::posix_spawnp(&helper, program, nullptr, nullptr, argv.data(), environ))
    return fail(error == ENOENT ? Code::unsupported : Code::failed,
                fmt::format("{} cannot be run: install it (Debian: package uidmap)", program));
  const auto status = wait_for_child(helper, kPatienceForHelper);
  if (status && *status == 0) return {};
  if (!status) {
    (void)end_child(helper);
    return fail(Code::failed, fmt::format("{} was not done within {} s, and is ended: does the directory of "
                                          "users answer?",
                                          program, kPatienceForHelper.count()));
  }
  return fail(Code::failed, fmt::format("{} refused the IDs: /etc/subuid and /etc/subgid must grant them to "
                                        "you; `warren id export --subuid` writes that",
                                        program));
}

}  // namespace

Result<UniqueFd> owner_of(int namespace_fd) {
  UniqueFd owner(::ioctl(namespace_fd, NS_GET_USERNS));
  if (!owner.valid()) return fail_errno(errno, "find the user namespace that owns the space's");
  if (::fcntl(owner.get(), F_SETFD, FD_CLOEXEC) != 0) return fail_errno(errno, "keep a user namespace");
  return owner;
}

Result<bool> is_own_userns(int fd) {
  struct stat own {
  }, other{};
  if (::stat("/proc/self/ns/user", &own) != 0 || ::fstat(fd, &other) != 0)
    return fail_errno(errno, "look at the user namespace");
  return own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

Result<bool> is_owned_by_other(int namespace_fd) {
  return !TRY(is_own_userns(TRY(owner_of(namespace_fd)).get()));
}

Result<IdRuns> runs_of(int userns_fd) {
  const auto holder = TRY(Holder::start_in(userns_fd));
  return runs_of_process(holder.pid());
}

Result<IdRuns> runs_of_process(pid_t pid) {
  const auto process = fmt::format("/proc/{}", pid);
  return sorted({TRY(read_runs(process + "/uid_map")), TRY(read_runs(process + "/gid_map"))});
}

IdRuns sorted(IdRuns runs) {
  std::ranges::sort(runs.uid);
  std::ranges::sort(runs.gid);
  return runs;
}

Result<UniqueFd> make_userns(const IdRuns& runs) {
  const auto holder = TRY(Holder::start(CLONE_NEWUSER));
  TRY(write_maps(holder, runs));
  return open_file(holder.file("ns/user"), O_RDONLY);
}

Result<UniqueFd> make_userns_as_user(const IdRuns& runs) {
  const auto holder = TRY(Holder::start(CLONE_NEWUSER));
  TRY(call_helper("newuidmap", holder.pid(), runs.uid));
  TRY(call_helper("newgidmap", holder.pid(), runs.gid));
  return open_file(holder.file("ns/user"), O_RDONLY);
}

Result<UniqueFd> make_owned_netns(const IdRuns& runs) {
  const auto holder = TRY(Holder::start(CLONE_NEWUSER | CLONE_NEWNET));
  TRY(write_maps(holder, runs));
  return open_file(holder.file("ns/net"), O_RDONLY);
}

Status enter_userns(int fd) {
  if (::setns(fd, CLONE_NEWUSER) != 0) return fail_errno(errno, "enter the user namespace");
  return {};
}

}  // namespace warren::sys
