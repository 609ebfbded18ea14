// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/sharing.h"

#include <cerrno>
#include <csignal>
#include <sched.h>
#include <sys/mman.h>

namespace warren::sys {
namespace {

constexpr std::size_t kStack = 512 * 1024;

struct Call {
  void (*body)(void*);
  void* argument;
};

int run(void* call) {
  const auto& [body, argument] = *static_cast<const Call*>(call);
  body(argument);
  return 0;
}

}  // namespace

Result<pid_t> start_sharing(void (*body)(void*), void* argument) {
  auto* stack = static_cast<char*>(
      ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
  if (stack == MAP_FAILED) return fail_errno(errno, "start a process");
  Call call{body, argument};
  const auto pid = ::clone(run, stack + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD, &call);
  const int error = errno;
  ::munmap(stack, kStack);
  if (pid < 0) return fail_errno(error, "start a process");
  return pid;
}

}  // namespace warren::sys
