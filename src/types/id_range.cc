// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/id_range.h"

#include <charconv>
#include <fmt/format.h>

#include "types/names.h"

namespace warren {

Result<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value <= kLastId) return value;
  return fail(Code::usage,
              fmt::format("'{}' is not an ID: write a number from 0 to {}", shown(text), kLastId));
}

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
  return text;
}

Result<IdRange> IdRange::make(std::uint64_t first, std::uint64_t count) {
  if (count == 0) return fail(Code::usage, "a range of no IDs");
  if (first > kLastId || count > std::uint64_t{kLastId} + 1 - first)
    return fail(Code::usage, fmt::format("{} IDs from {} on reach beyond {}, the last that there is",
                                         grouped(count), grouped(first), grouped(kLastId)));
  return IdRange{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(count)};
}

std::string IdRange::str() const {
  return count == 1 ? grouped(first) : grouped(first) + "-" + grouped(last());
}

}  // namespace warren
