// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <security/pam_modules.h>
#include <string_view>
#include <sys/types.h>

namespace warren::pam {

/// What the module's line in /etc/pam.d says. The texts are those of the line, and live as long as it.
struct Options {
  enum class OnError { deny, host };

  const char* helper = WARREN_HELPER;
  int timeout_ms = 5000;
  std::optional<uid_t> min_uid;  ///< nothing: as the index says
  OnError on_error = OnError::deny;
  bool create = false;
  bool private_etc = false;
  bool debug = false;
  std::array<const char*, 8> skip_groups{};
  std::size_t skip_group_count = 0;
};

/// A decimal number that is all of the text. False: it is something else.
[[nodiscard]] bool read_uid(std::string_view text, uid_t& uid);

/// A word that is unknown or has a bad value is logged and otherwise ignored: a slip of the pen must not lock
/// anybody out.
[[nodiscard]] Options read_options(pam_handle_t* pamh, int argc, const char** argv);

}  // namespace warren::pam
