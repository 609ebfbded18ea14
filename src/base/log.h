// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

namespace warren {

/// One line "warren: warning: TEXT" on standard error: something the user should know that stops nothing.
void warn(std::string_view text);

}  // namespace warren
