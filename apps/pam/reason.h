// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdarg>
#include <cstdio>

namespace warren::pam {

/// Why something failed, in one line for syslog. Of fixed size: nothing here may throw or need memory.
struct Reason {
  char text[320] = "";

  /// Takes the text and returns false, so that a step can end with `return reason.fail(...)`.
  /// Of this kind so that the compiler holds the arguments against the format.
  [[gnu::format(printf, 2, 3)]] bool fail(const char* format, ...) {  // NOLINT(cert-dcl50-cpp)
    std::va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return false;
  }
};

}  // namespace warren::pam
