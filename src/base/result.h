// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace warren {

/// What kind of failure it is; decides the exit code and what a caller may do about it.
enum class Code {
  failed,       ///< the kernel, a file or the store refused
  usage,        ///< bad input; nothing was touched
  not_found,    ///< what was named is not there
  exists,       ///< what was to be made is there already
  permission,   ///< needs root or a capability
  unsupported,  ///< this kernel cannot
};

/// A failure with its reason, one line, and the errno (positive, 0 = none) it came from.
struct Error {
  Code code = Code::failed;
  int sys = 0;
  std::string what;

  /// Puts "context: " in front of the reason.
  [[nodiscard]] Error wrap(std::string_view context) &&;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

/// A failure ready to be returned from a function that gives a Result.
[[nodiscard]] std::unexpected<Error> fail(Code code, std::string what);
/// The same for errno `sys` (positive): "what: No such file or directory".
[[nodiscard]] std::unexpected<Error> fail_errno(int sys, std::string_view what);
/// The one place that maps errno to a Code.
[[nodiscard]] Code code_of(int sys);

}  // namespace warren

#define WARREN_CAT2(a, b) a##b
#define WARREN_CAT(a, b) WARREN_CAT2(a, b)
#define WARREN_TRY(name, ...)                                   \
  ({                                                            \
    auto&& name = (__VA_ARGS__);                                \
    if (!name) return std::unexpected(std::move(name).error()); \
    std::move(name).value();                                    \
  })
/// The value of a Result, or return its error from the enclosing function.
#define TRY(...) WARREN_TRY(WARREN_CAT(try_result_, __COUNTER__), __VA_ARGS__)

#define WARREN_TRY_WRAP(name, context, ...)                                   \
  ({                                                                          \
    auto&& name = (__VA_ARGS__);                                              \
    if (!name) return std::unexpected(std::move(name).error().wrap(context)); \
    std::move(name).value();                                                  \
  })
/// TRY that puts `context` before the reason of a failure.
#define TRY_WRAP(context, ...) WARREN_TRY_WRAP(WARREN_CAT(try_result_, __COUNTER__), context, __VA_ARGS__)
