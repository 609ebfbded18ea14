// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/id_block.h"
#include "types/id_map.h"
#include "types/id_range.h"
#include "types/names.h"

namespace warren::model {

inline constexpr std::size_t kMostEntries = 10;  ///< of a kind
inline constexpr std::uint32_t kInnerUsers = 65536;

/// Part of a map: `count` IDs from `inside` on, which are those of the owner's block from `block` on.
struct IdEntry {
  std::uint32_t inside = 0;
  std::uint32_t block = 0;
  std::uint32_t count = 0;

  /// INSIDE:BLOCK:COUNT. Error: usage, naming the text and what is wrong with it.
  [[nodiscard]] static Result<IdEntry> parse(std::string_view text);
  [[nodiscard]] IdRange inner() const { return {inside, count}; }
  [[nodiscard]] IdRange in_block() const { return {block, count}; }
  [[nodiscard]] std::string str() const;
  auto operator<=>(const IdEntry&) const = default;
};

enum class IdKind : std::uint8_t { uid, gid };
[[nodiscard]] std::string_view name(IdKind kind);

/// What a user namespace shows of its owner's block. Never changed once it is made.
struct IdMap {
  MapName name;
  OwnerName owner;
  std::vector<IdEntry> uid;  ///< sorted by `inside`
  std::vector<IdEntry> gid;

  [[nodiscard]] const std::vector<IdEntry>& of(IdKind kind) const { return kind == IdKind::uid ? uid : gid; }
  bool operator==(const IdMap&) const = default;
};

/// The name that stands for the map that every owner has: all of his block, from 0 on.
inline constexpr std::string_view kDefaultMap = "default";

/// May a user namespace of a block of so many IDs be told this? Error: usage, naming the entries.
[[nodiscard]] Status check(const std::vector<IdEntry>& entries, IdKind kind, std::uint32_t block_size);
[[nodiscard]] Status check(const IdMap& map, std::uint32_t block_size);

/// 0:0:SIZE.
[[nodiscard]] IdMap default_map(const OwnerName& owner, const IdRange& block);
/// The disjoint maps of 65,536 IDs that the block holds, NAME.1 and so on. Error: usage (the name is too
/// long).
[[nodiscard]] Result<std::vector<IdMap>> split(const OwnerName& owner, const IdRange& block);

/// What the kernel is told.
[[nodiscard]] IdRuns runs(const IdMap& map, const IdRange& block);

/// How many IDs the entries show.
[[nodiscard]] std::uint64_t total(const std::vector<IdEntry>& entries);
/// The entry and the host's ID for an ID inside; nothing where none shows it.
struct Translation {
  IdEntry entry;
  std::uint32_t id = 0;
};
[[nodiscard]] std::optional<Translation> to_host(const std::vector<IdEntry>& entries, const IdRange& block,
                                                 std::uint32_t inside);
[[nodiscard]] std::optional<Translation> to_inside(const std::vector<IdEntry>& entries, const IdRange& block,
                                                   std::uint32_t host);

/// The map of a space, where something other than the default was assigned.
struct MapUse {
  OwnerName owner;
  std::optional<MapName> map;  ///< nothing: the owner's default
  std::int64_t since = 0;      ///< seconds since 1970
  bool operator==(const MapUse&) const = default;
};

}  // namespace warren::model
