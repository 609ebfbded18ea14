// SPDX-License-Identifier: GPL-2.0-or-later
// Files below /etc that other programs change too, by the rules of those of the package shadow (useradd,
// usermod): the lock of lckpwdf(3), and a link FILE.lock for each file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::sys {

/// Keeps useradd and its like from changing the files.
class EtcLock {
 public:
  /// Waits some seconds for who has it, and takes what the dead have left. Error names him.
  [[nodiscard]] static Result<EtcLock> take(const std::vector<std::string>& paths);
  /// Is there something that one who was killed has left? Who takes the lock takes it away.
  [[nodiscard]] static bool left_behind(const std::vector<std::string>& paths);
  EtcLock(EtcLock&&) noexcept = default;  // what was moved from has no links
  EtcLock(const EtcLock&) = delete;
  EtcLock& operator=(const EtcLock&) = delete;
  EtcLock& operator=(EtcLock&&) = delete;
  ~EtcLock();

 private:
  explicit EtcLock(UniqueFd passwords) : passwords_(std::move(passwords)) {}
  UniqueFd passwords_;              ///< on which the lock of lckpwdf is held
  std::vector<std::string> links_;  ///< that are ours
};

/// All of the file; nothing where there is none. Error: it is a link, no plain file, or over 16 MiB.
[[nodiscard]] Result<std::optional<std::string>> read_etc_file(const std::string& path);

/// Puts a new file in its place, with the owner and the mode of the old one, or root's and 0644: whoever
/// reads, and a crash, sees all of the old text or all of the new. The lock must be held.
[[nodiscard]] Status replace_etc_file(const EtcLock& lock, const std::string& path, std::string_view text);

}  // namespace warren::sys
