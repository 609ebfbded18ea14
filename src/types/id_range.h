// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren {

/// The highest UID or GID: what follows is (uid_t)-1, which means "none" to the kernel.
inline constexpr std::uint32_t kLastId = 4294967294;
/// What the kernel shows in place of an ID that it cannot translate.
inline constexpr std::uint32_t kNobody = 65534;

/// A number from 0 to kLastId, digits only. Error: usage.
[[nodiscard]] Result<std::uint32_t> parse_id(std::string_view text);
/// "5,000,000".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// IDs first..last, both included; never empty, and never beyond kLastId.
struct IdRange {
  std::uint32_t first = 0;
  std::uint32_t count = 1;

  /// Error: usage, when it is empty or reaches beyond kLastId.
  [[nodiscard]] static Result<IdRange> make(std::uint64_t first, std::uint64_t count);
  [[nodiscard]] std::uint32_t last() const { return first + (count - 1); }
  [[nodiscard]] bool contains(std::uint32_t id) const { return first <= id && id <= last(); }
  [[nodiscard]] bool overlaps(const IdRange& other) const {
    return first <= other.last() && other.first <= last();
  }
  /// "1,048,576-1,572,863", or one number.
  [[nodiscard]] std::string str() const;
  auto operator<=>(const IdRange&) const = default;
};

}  // namespace warren
