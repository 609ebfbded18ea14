// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include "base/unique_fd.h"
#include "options.h"

namespace warren::pam {

/// What the helper's processes do. They are copies of the caller, whose other threads may have held locks:
/// nothing here needs memory, or anything else but system calls.
class HelperProcess {
 public:
  /// `error_fd` becomes the helper's stderr.
  HelperProcess(const Options& options, const char* user, int error_fd);
  /// The whole life of the keeper, given to clone(): ends with the helper's exit code.
  static int keep(void* process);

 private:
  void clean() const;
  [[noreturn]] void run() const;

  const char* arguments_[6];
  UniqueFd net_, mounts_;  ///< the host's
  unsigned seconds_;
  int error_fd_;
};

}  // namespace warren::pam
