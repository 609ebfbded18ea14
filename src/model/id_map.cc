// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/id_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace warren::model {
namespace {

std::unexpected<Error> bad(std::string_view what) { return fail(Code::usage, std::string(what)); }

/// "--uid 0:0:65536": as the user wrote it.
std::string shown_entry(IdKind kind, const IdEntry& entry) {
  return fmt::format("--{} {}", name(kind), entry.str());
}

Result<std::uint64_t> parse_number(std::string_view entry, std::string_view text, std::string_view what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool digits = end == text.data() + text.size() && !text.empty();
  if (!digits || error == std::errc::invalid_argument)
    return bad(fmt::format("entry '{}': {} '{}' is not a number: write it like 0:0:65536", shown(entry), what,
                           shown(text)));
  if (error != std::errc{} || value > std::uint64_t{kLastId} + 1)
    return bad(fmt::format("entry '{}': {} {} is beyond {}, the last ID of 32 bits", shown(entry), what,
                           shown(text), kLastId));
  return value;
}

Result<std::array<std::string_view, 3>> fields(std::string_view text) {
  std::array<std::string_view, 3> parts;
  auto rest = text;
  std::size_t count = 0;
  for (; count < 3; ++count) {
    const auto colon = count < 2 ? rest.find(':') : rest.npos;
    parts[count] = rest.substr(0, colon);
    if (colon == rest.npos) break;
    rest.remove_prefix(colon + 1);
  }
  if (count == 2 && parts[2].find(':') == std::string_view::npos) return parts;
  return bad(fmt::format("entry '{}' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536", shown(text)));
}

Status check_bounds(std::string_view text, std::string_view what, std::uint64_t first, std::uint64_t count) {
  if (IdRange::make(first, count)) return {};
  return bad(fmt::format("entry '{}': {} {} + {} reaches beyond {}, the last ID of 32 bits", shown(text),
                         what, first, count, kLastId));
}

Status check_in_block(const std::vector<IdEntry>& entries, IdKind kind, std::uint32_t size) {
  for (const auto& entry : entries)
    if (std::uint64_t{entry.block} + entry.count > size)
      return bad(fmt::format("{} reaches to {} of the block, which has {} IDs, 0-{}",
                             shown_entry(kind, entry), std::uint64_t{entry.block} + entry.count - 1, size,
                             size - 1));
  return {};
}

Status check_overlaps(const std::vector<IdEntry>& entries, IdKind kind) {
  const auto clash = [&](const IdEntry& a, const IdEntry& b, const IdRange& one, const IdRange& other,
                         std::string_view where) {
    const auto first = std::max(one.first, other.first), last = std::min(one.last(), other.last());
    return bad(fmt::format("{} and {} both have {} {}", shown_entry(kind, a), shown_entry(kind, b), where,
                           first == last ? std::to_string(first) : fmt::format("{}-{}", first, last)));
  };
  for (auto a = entries.begin(); a != entries.end(); ++a)
    for (auto b = a + 1; b != entries.end(); ++b) {
      if (*a == *b) return bad(fmt::format("{} stands twice: leave one out", shown_entry(kind, *a)));
      if (a->inner().overlaps(b->inner())) return clash(*a, *b, a->inner(), b->inner(), "inside ID");
      if (a->in_block().overlaps(b->in_block()))
        return clash(*a, *b, a->in_block(), b->in_block(), "the block's ID");
    }
  return {};
}

/// 0-65535 must be there: programs take these for given.
Status check_users(std::vector<IdEntry> entries, IdKind kind) {
  std::ranges::sort(entries);
  std::uint64_t next = 0;
  std::string after;
  for (const auto& entry : entries) {
    if (next >= kInnerUsers || entry.inside > next) break;
    next = std::uint64_t{entry.inside} + entry.count;
    after = fmt::format(" (after {})", shown_entry(kind, entry));
  }
  if (next >= kInnerUsers) return {};
  std::uint64_t end = kInnerUsers;
  for (const auto& entry : entries)
    if (entry.inside > next) end = std::min<std::uint64_t>(end, entry.inside);
  return bad(fmt::format("0-65535 inside must be mapped, and {}-{}{} is not: add an entry --{} {}:BLOCK:{}",
                         next, end - 1, after, name(kind), next, end - next));
}

}  // namespace

std::string_view name(IdKind kind) { return kind == IdKind::uid ? "uid" : "gid"; }

Result<IdEntry> IdEntry::parse(std::string_view text) {
  const auto parts = TRY(fields(text));
  const auto inside = TRY(parse_number(text, parts[0], "INSIDE"));
  const auto block = TRY(parse_number(text, parts[1], "BLOCK"));
  const auto count = TRY(parse_number(text, parts[2], "COUNT"));
  if (count == 0) return bad(fmt::format("entry '{}' has no IDs: COUNT is at least 1", shown(text)));
  TRY(check_bounds(text, "INSIDE", inside, count));
  TRY(check_bounds(text, "BLOCK", block, count));
  return IdEntry{static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(block),
                 static_cast<std::uint32_t>(count)};
}

std::string IdEntry::str() const { return fmt::format("{}:{}:{}", inside, block, count); }

Status check(const std::vector<IdEntry>& entries, IdKind kind, std::uint32_t block_size) {
  if (entries.empty())
    return bad(fmt::format("no --{0} entry: give one, such as --{0} 0:0:65536, or --both", name(kind)));
  if (entries.size() > kMostEntries)
    return bad(fmt::format("{} --{} entries: at most {} are possible; the first too many is {}",
                           entries.size(), name(kind), kMostEntries, entries[kMostEntries].str()));
  TRY(check_in_block(entries, kind, block_size));
  TRY(check_overlaps(entries, kind));
  return check_users(entries, kind);
}

Status check(const IdMap& map, std::uint32_t block_size) {
  if (map.name.str() == kDefaultMap)
    return bad("'default' is the map that every owner has already: choose another name");
  TRY(check(map.uid, IdKind::uid, block_size));
  return check(map.gid, IdKind::gid, block_size);
}

IdMap default_map(const OwnerName& owner, const IdRange& block) {
  IdMap map;
  map.name = *MapName::parse(kDefaultMap);
  map.owner = owner;
  map.uid = map.gid = {{0, 0, block.count}};
  return map;
}

Result<std::vector<IdMap>> split(const OwnerName& owner, const IdRange& block) {
  std::vector<IdMap> maps;
  for (std::uint32_t part = 0; part < block.count / kInnerUsers; ++part) {
    IdMap map;
    map.name = TRY(MapName::parse(fmt::format("{}.{}", owner.str(), part + 1)));
    map.owner = owner;
    map.uid = map.gid = {{0, part * kInnerUsers, kInnerUsers}};
    maps.push_back(std::move(map));
  }
  return maps;
}

IdRuns runs(const IdMap& map, const IdRange& block) {
  const auto of = [&](const std::vector<IdEntry>& entries) {
    std::vector<IdRun> all;
    for (const auto& entry : entries) all.push_back({entry.inside, block.first + entry.block, entry.count});
    return all;
  };
  return {of(map.uid), of(map.gid)};
}

std::uint64_t total(const std::vector<IdEntry>& entries) {
  std::uint64_t sum = 0;
  for (const auto& entry : entries) sum += entry.count;
  return sum;
}

std::optional<Translation> to_host(const std::vector<IdEntry>& entries, const IdRange& block,
                                   std::uint32_t inside) {
  for (const auto& entry : entries)
    if (entry.inner().contains(inside))
      return Translation{entry, block.first + entry.block + (inside - entry.inside)};
  return std::nullopt;
}

std::optional<Translation> to_inside(const std::vector<IdEntry>& entries, const IdRange& block,
                                     std::uint32_t host) {
  if (!block.contains(host)) return std::nullopt;
  for (const auto& entry : entries)
    if (entry.in_block().contains(host - block.first))
      return Translation{entry, entry.inside + (host - block.first - entry.block)};
  return std::nullopt;
}

}  // namespace warren::model
