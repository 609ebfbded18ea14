// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <cstdio>

namespace warren {

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      out += c;
    else
      out.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 0xf]);
  }
  return out;
}

void warn(std::string_view text) {
  std::fprintf(stderr, "warren: warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

void note(std::string_view text) {
  std::fprintf(stderr, "warren: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace warren
