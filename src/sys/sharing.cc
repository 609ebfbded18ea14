// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/sharing.h"

#include <cerrno>
#include <csignal>
#include <sched.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace warren::sys {
namespace {

constexpr std::size_t kStack = 512 * 1024;

/// AddressSanitizer must know the stack that it is on; both processes have its notes in common.
class StackSwitch {
 public:
#ifdef __SANITIZE_ADDRESS__
  void leave(const void* bottom, std::size_t size) { __sanitizer_start_switch_fiber(&kept_, bottom, size); }
  void arrive() { __sanitizer_finish_switch_fiber(nullptr, &bottom_, &size_); }
  void come_back() {
    __sanitizer_start_switch_fiber(nullptr, bottom_, size_);
    __sanitizer_finish_switch_fiber(kept_, nullptr, nullptr);
  }

 private:
  void* kept_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
#else
  void leave(const void* /*bottom*/, std::size_t /*size*/) {}
  void arrive() {}
  void come_back() {}
#endif
};

struct Call {
  void (*body)(void*);
  void* argument;
  StackSwitch stack;
};

int run(void* start) {
  auto& [body, argument, stack] = *static_cast<Call*>(start);
  stack.arrive();
  body(argument);
  return 0;
}

}  // namespace

Result<pid_t> start_sharing(void (*body)(void*), void* argument) {
  auto* stack = static_cast<char*>(
      ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
  if (stack == MAP_FAILED) return fail_errno(errno, "start a process");
  Call call{body, argument, {}};
  call.stack.leave(stack, kStack);
  const auto pid = ::clone(run, stack + kStack, CLONE_VM | CLONE_VFORK | SIGCHLD, &call);
  const int error = errno;
  call.stack.come_back();
  ::munmap(stack, kStack);
  if (pid < 0) return fail_errno(error, "start a process");
  return pid;
}

}  // namespace warren::sys
