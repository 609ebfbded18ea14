// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/space.h"

namespace warren::config {

/// The operator's settings from the file at `path`. A missing file means the defaults, unless `must_exist`.
/// Error: usage, "FILE:LINE: KEY: what is wrong and what to write".
[[nodiscard]] Result<model::Settings> load_settings(const std::string& path, bool must_exist);

/// The same from text; `file` is what messages call it.
[[nodiscard]] Result<model::Settings> parse_settings(std::string_view text, std::string_view file);

}  // namespace warren::config
