// SPDX-License-Identifier: GPL-2.0-or-later
// killstep N CMD...: runs CMD, and kills it just before the Nth system call that changes something. Exit 137
// then; where CMD ended before, its own exit code. `killstep 0 CMD...` lets CMD run and prints how many such
// calls it made.
// killstep fail N ERRNO CMD...: runs CMD, and has that call, and no other, do nothing but fail with ERRNO, a
// number. Gives CMD's exit code; 125 where CMD ended before.
#include <elf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kExitKilled = 128 + SIGKILL;
constexpr int kExitUsage = 2;
constexpr int kExitNotReached = 125;
constexpr int kExitNotFound = 127;
constexpr int kFilterStop = SIGTRAP | PTRACE_EVENT_SECCOMP
                                          << 8;  // what waitpid() says of it, above the lowest byte

using Arguments = const std::uint64_t (&)[6];

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "killstep: %s: %s\n", what, std::strerror(errno));
  std::exit(kExitUsage);
}

/// Settings below /proc/sys count as regular files too.
bool is_regular(pid_t thread, std::uint64_t fd) {
  const auto path = "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(fd);
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

/// These change something whatever their arguments are. What is sent may be a request of netlink.
constexpr std::array kAlways{
    SYS_sendto,    SYS_sendmsg, SYS_sendmmsg,  SYS_mount,     SYS_umount2,
    SYS_unshare,   SYS_setns,   SYS_unlinkat,  SYS_renameat2, SYS_ftruncate,
    SYS_fallocate, SYS_fsync,   SYS_fdatasync, SYS_mkdirat,   SYS_symlinkat,
#ifdef SYS_unlink  // x86 has the older ones as well
    SYS_unlink,    SYS_rename,  SYS_renameat,  SYS_mkdir,     SYS_symlink,
#endif
};
/// These do, by their arguments.
constexpr std::array kPerhaps{
    SYS_openat, SYS_write, SYS_pwrite64, SYS_writev,
#ifdef SYS_open
    SYS_open,
#endif
};

bool always_changes(std::uint64_t number) {
  for (const auto one : kAlways)
    if (static_cast<std::uint64_t>(one) == number) return true;
  return false;
}

bool changes_something(pid_t thread, std::uint64_t number, Arguments args) {
  if (always_changes(number)) return true;
#ifdef SYS_open
  if (number == SYS_open) return (args[1] & O_CREAT) != 0;
#endif
  if (number == SYS_openat) return (args[2] & O_CREAT) != 0;
  const bool writes = number == SYS_write || number == SYS_pwrite64 || number == SYS_writev;
  return writes && is_regular(thread, args[0]);
}

/// Does the thread stand before a call that changes something?
bool at_step(pid_t thread) {
  __ptrace_syscall_info info{};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return false;
  return info.op == PTRACE_SYSCALL_INFO_SECCOMP &&
         changes_something(thread, info.seccomp.nr, info.seccomp.args);
}

using Registers = user_regs_struct;

void change_registers(pid_t thread, void (*change)(Registers&, long), long value) {
  Registers registers{};
  iovec area{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &area) != 0) die("ptrace");
  change(registers, value);
  if (::ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &area) != 0) die("ptrace");
}

/// At the entry of a call: it becomes one that there is not, and has the result that set_result() gives it.
void skip_call(pid_t thread) {
#if defined(__x86_64__)
  change_registers(
      thread, [](Registers& all, long value) { all.orig_rax = static_cast<unsigned long>(value); }, -1);
#elif defined(__aarch64__)
  int number = -1;
  iovec area{&number, sizeof number};
  if (::ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &area) != 0) die("ptrace");
#else
#error "say how a system call is skipped here"
#endif
}

void set_result(pid_t thread, long result) {
  change_registers(
      thread,
      [](Registers& all, long value) {
#if defined(__x86_64__)
        all.rax = static_cast<unsigned long>(value);
#else
        all.regs[0] = static_cast<unsigned long>(value);
#endif
      },
      result);
}

/// What is done at one step of the program.
class Blow {
 public:
  Blow(pid_t program, unsigned long step, int error) : program_(program), step_(step), error_(error) {}

  /// Called where a thread stands before a system call that may be a step.
  void at_call(pid_t thread) {
    if (!at_step(thread) || ++steps_ != step_) return;
    if (error_ == 0) {
      ::kill(program_, SIGKILL);
      return;
    }
    skip_call(thread);
    set_result(thread, -error_);
  }
  [[nodiscard]] unsigned long steps() const { return steps_; }
  [[nodiscard]] bool fell() const { return step_ != 0 && steps_ >= step_; }

 private:
  const pid_t program_;
  const unsigned long step_;  ///< 0: none
  const int error_;           ///< 0: the program is killed
  unsigned long steps_ = 0;
};

/// The signal to hand on when the thread continues; stops that only tracing causes are not the program's.
int signal_to_deliver(int status) {
  const int signal = WSTOPSIG(status);
  const bool of_tracing = signal == SIGSTOP || (status >> 16) != 0;
  return of_tracing ? 0 : signal;
}

/// From now on the process, and what it starts, stops before each of these calls, and before no other.
void stop_before_changes() {
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto add = [&](auto number) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  };
  for (const auto number : kAlways) add(number);
  for (const auto number : kPerhaps) add(number);
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("seccomp");
}

pid_t start(char** command) {
  const pid_t child = ::fork();
  if (child < 0) die("fork");
  if (child > 0) return child;
  if (::ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) die("ptrace");
  ::raise(SIGSTOP);
  stop_before_changes();
  ::execvp(command[0], command);
  std::perror(command[0]);
  std::_Exit(kExitNotFound);
}

void follow(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) die("wait");
  constexpr long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                           PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SETOPTIONS, child, 0, options) != 0) die("ptrace");
  if (::ptrace(PTRACE_CONT, child, 0, 0) != 0) die("ptrace");
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

/// Gives the program's exit code.
int run(pid_t child, Blow& blow) {
  follow(child);
  for (int status = 0;;) {
    const pid_t thread = ::waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) die("wait");
    if (!WIFSTOPPED(status)) {
      if (thread == child) return exit_code(status);
      continue;
    }
    if (status >> 8 == kFilterStop) blow.at_call(thread);
    // A thread that was killed meanwhile cannot be continued; its end is reported next.
    (void)::ptrace(PTRACE_CONT, thread, 0, static_cast<long>(signal_to_deliver(status)));
  }
}

/// The number that an argument is; anything else is an error of whoever wrote the test.
unsigned long number(const char* text) {
  char* end = nullptr;
  const auto value = std::strtoul(text, &end, 10);
  if (*text != '\0' && *end == '\0') return value;
  std::fputs("usage: killstep N CMD... | killstep fail N ERRNO CMD...\n", stderr);
  std::exit(kExitUsage);
}

}  // namespace

int main(int argc, char** argv) {
  const bool fails = argc > 4 && std::strcmp(argv[1], "fail") == 0;
  if (fails) ++argv, --argc;
  const auto step = number(argc > 2 ? argv[1] : "");
  const auto error = fails ? static_cast<int>(number(argv[2])) : 0;
  const auto child = start(argv + (fails ? 3 : 2));
  Blow blow(child, step, error);
  const int code = run(child, blow);
  if (step == 0) std::printf("%lu\n", blow.steps());
  if (fails) return blow.fell() ? code : kExitNotReached;
  return blow.fell() ? kExitKilled : code;
}
