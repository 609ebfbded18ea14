// SPDX-License-Identifier: GPL-2.0-or-later
#include "ids.h"

#include <fmt/format.h>

#include "output.h"

namespace warren::cli {
namespace {

std::string sum_text(const view::ShownMap& shown, const std::string& kind,
                     const std::vector<model::IdEntry>& entries) {
  const auto sum = model::total(entries);
  const auto rest = shown.block.range.count - sum;
  const auto text = fmt::format("{}: {} IDs in all", kind, grouped(sum));
  if (rest == 0) return text + ", the whole block";
  return text + fmt::format("; the rest of the block, {} IDs, is not accessible", grouped(rest));
}

}  // namespace

Result<ids::IdRegistry> id_registry(const Context& context) {
  TRY(require_writer());
  return ids::IdRegistry::open(context.place, TRY(context.settings()).ids);
}

void print(const view::ShownMap& shown) {
  const auto& [map, block, spaces] = shown;
  say(fmt::format("map {} of {}, block {}", map.name.str(), map.owner.str(), block.range.str()));
  Columns columns({"KIND", "INSIDE", "HOST", "IDS", "ENTRY"});
  for (const auto& [kind, entries] : view::kinds(map))
    for (const auto& entry : *entries)
      columns.add({kind, entry.inner().str(), IdRange{block.range.first + entry.block, entry.count}.str(),
                   grouped(entry.count), entry.str()});
  columns.print();
  for (const auto& [kind, entries] : view::kinds(map)) say(sum_text(shown, kind, *entries));
  for (const auto& [space, use] : spaces)
    say(fmt::format("the map of space {}{}", space.str(),
                    use.since == 0 ? std::string() : " since " + view::time_text(use.since)));
}

}  // namespace warren::cli
