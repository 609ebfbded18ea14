// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/seccomp.h"

#include <array>
#include <cerrno>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warren::guest {
namespace {

constexpr auto kFilter = std::to_array<sock_filter>({
#include <guest_filter.inc>
});

}  // namespace

Status install_filter() {
  const sock_fprog program{kFilter.size(), const_cast<sock_filter*>(kFilter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
    return fail_errno(errno, "install the system call filter");
  return {};
}

}  // namespace warren::guest
