// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <cstdio>

namespace warren {

void warn(std::string_view text) {
  std::fprintf(stderr, "warren: warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace warren
