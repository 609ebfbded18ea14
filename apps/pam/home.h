// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <security/pam_modules.h>
#include <sys/types.h>

#include "base/unique_fd.h"

namespace warren::pam {

/// A descriptor kept while the session lasts. The program may have closed it and be using its number for a
/// file of its own, so it counts only while it still is what it was.
class KeptFd {
 public:
  KeptFd() = default;
  KeptFd(const KeptFd&) = delete;
  KeptFd& operator=(const KeptFd&) = delete;
  ~KeptFd() { drop(); }

  [[nodiscard]] bool holds() const { return fd_ >= 0; }
  /// The descriptor, or -1 when it is not ours any more.
  [[nodiscard]] int get() const;
  void keep(UniqueFd fd);
  void drop();

 private:
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Where the caller was before the module moved it. A part that holds nothing was not changed.
struct Home {
  KeptFd net;
  KeptFd mounts;
};

/// The home of this handle, which lives until forget_home() or pam_end(). Null when there is none yet.
[[nodiscard]] Home* find_home(pam_handle_t* pamh);
/// As find_home(), but makes it; null without memory.
[[nodiscard]] Home* make_home(pam_handle_t* pamh);
void forget_home(pam_handle_t* pamh);

}  // namespace warren::pam
