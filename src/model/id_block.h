// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "types/id_range.h"
#include "types/names.h"

namespace warren::model {

/// Where blocks lie: `count` of them, each of `size` IDs, from `first` on. The default is the range that
/// systemd keeps for containers, from where vpsFree begins.
struct IdSettings {
  std::uint32_t first = 1048576;
  std::uint32_t size = 524288;
  std::uint32_t count = 3582;

  /// The block at a place, 0 to count - 1.
  [[nodiscard]] IdRange block(std::uint32_t place) const { return {first + place * size, size}; }
  bool operator==(const IdSettings&) const = default;
};

/// IDs below this are the host's own users.
inline constexpr std::uint32_t kFirstBlockId = 65536;

/// How many blocks end where the default ones do; beyond there, before the last ID of all.
[[nodiscard]] std::uint32_t room_for_blocks(const IdSettings& settings);

/// Error: usage. A block holds at least 0-65535, and none reaches below kFirstBlockId or beyond kLastId.
[[nodiscard]] Status check(const IdSettings& settings);

/// IDs that are an owner's, or were: nobody gets them again until they are purged.
struct IdBlock {
  IdRange range;
  OwnerName owner;
  bool quarantined = false;
  std::int64_t since = 0;  ///< seconds since 1970: allocated, or freed
  bool operator==(const IdBlock&) const = default;
};

/// IDs that somebody else uses, and who: "alice in /etc/subuid".
struct IdUse {
  IdRange range;
  std::string who;
  bool operator==(const IdUse&) const = default;
};

/// What systemd keeps for itself in which a block could lie.
[[nodiscard]] std::vector<IdUse> reserved_ids();

/// The first of `uses` that meets the range, or nothing.
[[nodiscard]] const IdUse* user_of(const IdRange& range, const std::vector<IdUse>& uses);

/// The lowest block that neither `blocks` nor `uses` have any of. Error: failed, naming who has the last.
[[nodiscard]] Result<IdRange> free_block(const IdSettings& settings, const std::vector<IdBlock>& blocks,
                                         const std::vector<IdUse>& uses);

/// Is this one free? Error: exists, naming the other user of the range.
[[nodiscard]] Status check_free(const IdRange& range, const std::vector<IdBlock>& blocks,
                                const std::vector<IdUse>& uses);

}  // namespace warren::model
