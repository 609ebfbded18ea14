// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace warren::config {

inline constexpr std::size_t kMaxFileSize = std::size_t{16} << 20;

/// The whole file at `path`, or standard input for "-". Error: usage for what is missing, a directory or
/// over kMaxFileSize; else what the system says.
[[nodiscard]] Result<std::string> read_text(const std::string& path);

}  // namespace warren::config
