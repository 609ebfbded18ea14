// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "base/place.h"

namespace warren::cli {

/// What warrend answers of itself on its control socket: one JSON object. Nothing where it does not run.
[[nodiscard]] std::optional<std::string> ask_daemon(const Place& place);

}  // namespace warren::cli
