// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the system call filter of guests as the elements of an array of sock_filter. Runs while warren is
// built: what never changes need not be worked out at each start of a guest.
#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <linux/filter.h>
#include <memory>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::guest {
namespace {

// What no namespace confines. The kernel refuses most of it to whoever is root in a user namespace only; this
// filter is what stands when such a check is forgotten, and it keeps what has been the door of many escapes
// (bpf, userfaultfd, keyrings, io_uring, perf) shut altogether.
constexpr std::array kRefused{
    // another kernel, or other code in this one
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "create_module",
    "get_kernel_syms", "query_module", "bpf", "lookup_dcookie", "perf_event_open", "userfaultfd",
    "io_uring_setup", "io_uring_enter", "io_uring_register",
    // files and memory by another way than paths
    "open_by_handle_at", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct", "nfsservctl", "uselib",
    // the kernel's keys are the host's, whoever asks
    "keyctl", "add_key", "request_key",
    // the host's clock, log and hardware
    "settimeofday", "clock_settime", "clock_settime64", "stime", "syslog", "iopl", "ioperm", "pciconfig_read",
    "pciconfig_write", "pciconfig_iobase", "vm86", "vm86old"};

using Context = std::unique_ptr<void, void (*)(void*)>;

std::unexpected<Error> refused(int error, const char* what) {
  return fail_errno(-error, fmt::format("make the system call filter: {}", what));
}

Status refuse_calls(void* context) {
  for (const auto* name : kRefused) {
    const int call = ::seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR) continue;  // younger than this libseccomp
    if (const int error = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), call, 0))
      return refused(error, name);
  }
  return {};
}

/// A socket to the hypervisor knows no network namespace; a character put into another's terminal is typed by
/// whoever reads there.
Status refuse_arguments(void* context) {
  const auto low = [](unsigned value) { return SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, value); };
  for (const int request : {TIOCSTI, TIOCLINUX})
    if (const int error = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                             low(static_cast<unsigned>(request))))
      return refused(error, "ioctl");
  if (const int error = ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                           SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, AF_VSOCK)))
    return refused(error, "socket");
  return {};
}

/// The other ways into the kernel that this processor has, so that none goes around the filter.
void add_architectures(void* context) {
#ifdef __x86_64__
  (void)::seccomp_arch_add(context, SCMP_ARCH_X86);
  (void)::seccomp_arch_add(context, SCMP_ARCH_X32);
#elifdef __aarch64__
  (void)::seccomp_arch_add(context, SCMP_ARCH_ARM);
#else
  (void)context;
#endif
}

Result<std::vector<sock_filter>> written(void* context) {
  const UniqueFd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "make the system call filter");
  if (const int error = ::seccomp_export_bpf(context, file.get())) return refused(error, "write it");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, "make the system call filter");
  const auto size = static_cast<std::size_t>(info.st_size);
  std::vector<sock_filter> filter(size / sizeof(sock_filter));
  if (::pread(file.get(), filter.data(), size, 0) != info.st_size)
    return fail_errno(errno, "read the system call filter");
  return filter;
}

Result<std::vector<sock_filter>> make_filter() {
  const Context context(::seccomp_init(SCMP_ACT_ALLOW), ::seccomp_release);
  if (!context) return fail(Code::failed, "make the system call filter: no memory");
  add_architectures(context.get());
  // A tree by call numbers: a dozen comparisons a call at most, however many are refused.
  (void)::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  TRY(refuse_calls(context.get()));
  TRY(refuse_arguments(context.get()));
  return written(context.get());
}

}  // namespace
}  // namespace warren::guest

int main() {
  const auto filter = warren::guest::make_filter();
  if (!filter) {
    fmt::print(stderr, "make_filter: {}\n", filter.error().what);
    return 1;
  }
  for (const auto& step : *filter)
    fmt::print("{{{:#x}, {}, {}, {:#x}}},\n", step.code, step.jt, step.jf, step.k);
  return 0;
}
