// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/id_block.h"

#include <fmt/format.h>
#include <optional>

namespace warren::model {
namespace {

std::string text_of(const IdBlock& block) {
  if (!block.quarantined) return fmt::format("{}'s block", block.owner.str());
  return fmt::format("the block that {0} had: `warren id purge {0}` when no file carries its IDs any more",
                     block.owner.str());
}

/// Who has some of the range, in words.
std::optional<IdUse> taken_by(const IdRange& range, const std::vector<IdBlock>& blocks,
                              const std::vector<IdUse>& uses) {
  for (const auto& block : blocks)
    if (block.range.overlaps(range)) return IdUse{block.range, text_of(block)};
  if (const auto* use = user_of(range, uses)) return *use;
  return std::nullopt;
}

}  // namespace

std::uint32_t room_for_blocks(const IdSettings& settings) {
  constexpr std::uint32_t containers_end = 1879048192;  // systemd.io/UIDS-GIDS
  const auto end = settings.first < containers_end ? containers_end : kLastId + 1;
  return (end - settings.first) / settings.size;
}

Status check(const IdSettings& settings) {
  if (settings.size < 65536)
    return fail(
        Code::usage,
        fmt::format("a block of {} IDs is too small: it holds at least 0-65535, so 65536", settings.size));
  if (settings.first < kFirstBlockId)
    return fail(Code::usage, fmt::format("{} lies among the host's own users: begin at {} or above",
                                         settings.first, kFirstBlockId));
  const auto room = (std::uint64_t{kLastId} + 1 - settings.first) / settings.size;
  if (settings.count >= 1 && settings.count <= room) return {};
  return fail(Code::usage,
              fmt::format("{} blocks of {} IDs from {} on do not end by {}: there is room for {}",
                          settings.count, settings.size, settings.first, kLastId, room));
}

std::vector<IdUse> reserved_ids() {
  return {{{0, kFirstBlockId}, "the host's own users"},
          {{2147352576, 65536}, "systemd's foreign IDs (systemd.io/UIDS-GIDS)"}};
}

const IdUse* user_of(const IdRange& range, const std::vector<IdUse>& uses) {
  for (const auto& use : uses)
    if (use.range.overlaps(range)) return &use;
  return nullptr;
}

Result<IdRange> free_block(const IdSettings& settings, const std::vector<IdBlock>& blocks,
                           const std::vector<IdUse>& uses) {
  for (std::uint32_t place = 0; place < settings.count; ++place)
    if (!taken_by(settings.block(place), blocks, uses)) return settings.block(place);
  const auto last = settings.block(settings.count - 1);
  const auto who = taken_by(last, blocks, uses);
  return fail(Code::failed,
              fmt::format("all {} blocks of {} IDs from {} on are taken, the last by {}: raise `count` "
                          "under [ids], or `warren id purge` what was freed",
                          settings.count, grouped(settings.size), grouped(settings.first), who->who));
}

Status check_free(const IdRange& range, const std::vector<IdBlock>& blocks, const std::vector<IdUse>& uses) {
  const auto other = taken_by(range, blocks, uses);
  if (!other) return {};
  return fail(Code::exists, fmt::format("{} overlaps {}: {}", range.str(), other->range.str(), other->who));
}

}  // namespace warren::model
