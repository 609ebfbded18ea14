// SPDX-License-Identifier: GPL-2.0-or-later
#include "output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace warren::cli {

void print(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stdout); }

void say(std::string_view line) { print(fmt::format("{}\n", line)); }

void say_json(const Json& json) { say(json.dump(2)); }

Status flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(Code::failed,
              fmt::format("standard output cannot be written{}{}: not all is told of what was done",
                          errno == 0 ? "" : ": ", errno == 0 ? "" : std::strerror(errno)));
}

void Columns::print() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
    say(line);
  }
}

std::string bytes(std::uint64_t count) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, units[unit]);
}

model::Progress progress(const std::string& verb) {
  if (!::isatty(STDERR_FILENO)) return {};
  return [verb](std::size_t done, std::size_t all) {
    if (all < 2 || (done % 10 != 0 && done != all)) return;
    const auto text = fmt::format("\r{} {}/{}{}", verb, done, all, done == all ? "\n" : "");
    (void)std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  };
}

}  // namespace warren::cli
