// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

namespace warren::sys {

/// The words as exec(3) and its like want them: a pointer to each, and a null at the end. They point into
/// `words`, which must outlive them and stay as they are; exec writes to none, whatever its type says.
[[nodiscard]] std::vector<char*> pointers_to(const std::vector<std::string>& words);

}  // namespace warren::sys
