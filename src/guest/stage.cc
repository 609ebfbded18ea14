// SPDX-License-Identifier: GPL-2.0-or-later
// The stage crosses into the user namespace, which whoever stays outside must not. What the guest may only
// read is mounted on this side: the kernel then lets nobody on the other make it writable again.
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/cgroup.h"
#include "guest/plan.h"
#include "sys/mounts.h"
#include "sys/sharing.h"
#include "sys/userns.h"

namespace warren::guest {
namespace {

constexpr unsigned long kNamespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

/// Mounts one source in the directory that the stage stands in, under its number.
Status put(int source, const std::string& name) {
  if (sys::is_directory(source)) {
    if (::mkdir(name.c_str(), 0700) != 0) return fail_errno(errno, "make a place to mount at");
  } else if (!UniqueFd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)).valid()) {
    return fail_errno(errno, "make a place to mount at");
  }
  const UniqueFd place(::open(name.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid()) return fail_errno(errno, "make a place to mount at");
  return sys::attach(source, place.get());
}

bool has_sources(const Plan& plan) { return plan.tree.valid() || !plan.laid.empty(); }

/// Lays them out in a directory, over one that the guest gets anew.
Status lay_out(const Plan& plan) {
  const auto table = TRY(sys::fresh_mount("tmpfs", 0));
  const UniqueFd place(::open("/sys", O_PATH | O_CLOEXEC));
  TRY(sys::attach(table.get(), place.get()));
  if (::fchdir(table.get()) != 0) return fail_errno(errno, "enter a directory of mounts");
  if (plan.tree.valid()) TRY(put(plan.tree.get(), "tree"));
  for (std::size_t i = 0; i < plan.laid.size(); ++i) TRY(put(plan.laid[i].mount.get(), std::to_string(i)));
  return {};
}

/// Every file system of the host but /proc: one that is sealed allows no new one that is not.
Status seal_host() {
  const UniqueFd root(::open("/", O_PATH | O_CLOEXEC)), proc(::open("/proc", O_PATH | O_CLOEXEC));
  TRY(sys::set_attributes(root.get(), MOUNT_ATTR_RDONLY, true));
  return sys::make_writable(proc.get());
}

Status set_stage(const Plan& plan) {
  const bool seal = plan.request.read_only && plan.request.rootfs.empty();
  if (!has_sources(plan) && !seal) return {};
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno(errno, "make a mount namespace");
  if (::mount("", "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return fail_errno(errno, "keep mounts apart");
  if (seal) TRY_WRAP("--read-only", seal_host());
  return has_sources(plan) ? lay_out(plan) : Status();
}

/// The guest's PID 1 becomes a child of who has started the stage, not of the stage.
Result<pid_t> cross(Plan& plan) {
  if (plan.cgroup.lock.valid()) TRY(enter_cgroup(plan.cgroup));
  if (plan.root) TRY(set_stage(plan));
  TRY(sys::enter_userns(plan.userns.get()));
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, kNamespaces | CLONE_PARENT, 0, 0, 0, 0));
  if (pid < 0) return fail_errno(errno, "make the guest's namespaces");
  return pid;
}

/// The stage shares its memory with who has started it.
[[noreturn]] void run_stage(Plan& plan) {
  const auto pid = cross(plan);
  if (pid && *pid == 0) run_inside(plan);
  if (!pid) report(plan, pid.error());
  plan.guest = pid.value_or(0);
  ::_exit(0);
}

}  // namespace

Status start_stage(Plan& plan) {
  const auto stage =
      TRY(sys::start_sharing([](void* shared) { run_stage(*static_cast<Plan*>(shared)); }, &plan));
  while (::waitpid(stage, nullptr, 0) < 0 && errno == EINTR) continue;
  return {};
}

Status take_sources(Plan& plan) {
  if (plan.tree.valid()) plan.tree = TRY(sys::copy_mount("tree", true));
  for (std::size_t i = 0; i < plan.laid.size(); ++i)
    plan.laid[i].mount = TRY(sys::copy_mount(std::to_string(i), true));
  return {};
}

}  // namespace warren::guest
