// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/failure.h"

namespace warren::cli {

/// Prints text on standard output; where that cannot be written, flush_output() says so.
void print(std::string_view text);
/// Prints a line.
void say(std::string_view line);
/// Prints it indented.
void say_json(const Json& json);

/// Error: not all that was printed so far could be written.
[[nodiscard]] Status flush_output();

/// Rows under a header, in columns as wide as they need.
class Columns {
 public:
  explicit Columns(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// "1.5 MiB".
[[nodiscard]] std::string bytes(std::uint64_t count);

/// A progress that rewrites one line of a terminal; nothing where standard error is none.
[[nodiscard]] model::Progress progress(const std::string& verb);

}  // namespace warren::cli
