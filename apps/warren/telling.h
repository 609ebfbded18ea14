// SPDX-License-Identifier: GPL-2.0-or-later
// How commands tell what they found or did, and take names: the parts that are the same in many.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "context.h"
#include "output.h"

namespace warren::cli {

/// Prints a list: as JSON where that was asked for, or else in columns. Gives the exit status.
[[nodiscard]] int tell(const Context& context, const Json& json, const Columns& columns);
/// The same for one thing, which a line says.
[[nodiscard]] int tell(const Context& context, const Json& json, std::string_view line);

/// Error: usage, unless a command is given either names (of `whats`: "spaces") or --all.
[[nodiscard]] Status names_or_all(std::string_view command, std::string_view whats,
                                  const std::vector<std::string>& names, bool all);
[[nodiscard]] Json names_json(const std::vector<SpaceName>& names);

}  // namespace warren::cli
