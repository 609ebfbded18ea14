// SPDX-License-Identifier: GPL-2.0-or-later
// Lines of a map, as the options of `warren map add` give them: what is taken is what the kernel takes, with
// each ID in one place; what is not is refused in one line. The same text as /etc/subuid: nothing of others
// is lost.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "model/id_map.h"
#include "model/subid.h"

namespace {

using namespace warren;
using namespace warren::model;

constexpr IdRange kBlock{1048576, 524288};

void check_that(bool good) {
  if (!good) std::abort();
}

void check_refusal(const Error& error) {
  check_that(error.code == Code::usage && !error.what.empty());
  check_that(error.what.find('\n') == std::string::npos);
}

/// Entries that were taken: each has a place of its own, on both sides, and 0-65535 are there.
void check_map(const std::vector<IdEntry>& entries) {
  check_that(!entries.empty() && entries.size() <= kMostEntries);
  for (const auto& entry : entries) {
    check_that(std::uint64_t{entry.inside} + entry.count <= std::uint64_t{kLastId} + 1);
    check_that(std::uint64_t{entry.block} + entry.count <= kBlock.count);
    for (const auto id : {entry.inner().first, entry.inner().last()}) {
      const auto host = to_host(entries, kBlock, id);
      check_that(host && host->entry == entry && kBlock.contains(host->id));
      const auto back = to_inside(entries, kBlock, host->id);
      check_that(back && back->id == id && back->entry == entry);
    }
  }
  for (std::uint32_t id = 0; id < kInnerUsers; id += 4095)
    check_that(to_host(entries, kBlock, id).has_value());
  check_that(total(entries) <= kBlock.count);
}

void map_of(std::string_view text) {
  std::vector<IdEntry> entries;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto entry = IdEntry::parse(line);
    if (!entry) return check_refusal(entry.error());
    const auto again = IdEntry::parse(entry->str());
    check_that(again && *again == *entry);
    entries.push_back(*entry);
  }
  const auto good = check(entries, IdKind::uid, kBlock.count);
  if (!good) return check_refusal(good.error());
  check_map(entries);
}

void subids(std::string_view text) {
  const std::vector<IdBlock> blocks{{kBlock, OwnerName::parse("web1").value(), false, 0}};
  const auto file = SubidFile::parse(text, blocks);
  const auto uses = file.uses("/etc/subuid");
  for (const auto& use : uses) check_that(use.range.count > 0 && use.range.last() >= use.range.first);
  const auto lines = subid_lines(blocks);
  const auto next = file.with(lines);
  const auto again = SubidFile::parse(next, blocks);
  check_that(again.marked && again.lines == lines && again.uses("/etc/subuid") == uses);
  check_that(again.with(lines) == next);
  const auto without = SubidFile::parse(again.with(std::nullopt), blocks);
  check_that(!without.marked && without.lines.empty() && without.uses("/etc/subuid") == uses);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  map_of(text);
  subids(text);
  return 0;
}
