// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace warren {

/// The text with control characters written as \\xNN: what others chose stays on one line of a terminal.
[[nodiscard]] std::string printable(std::string_view text);

/// One line "warren: warning: TEXT" on standard error: something the user should know that stops nothing.
void warn(std::string_view text);
/// One line "warren: TEXT" on standard error.
void note(std::string_view text);

}  // namespace warren
