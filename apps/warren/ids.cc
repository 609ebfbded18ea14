// SPDX-License-Identifier: GPL-2.0-or-later
#include "ids.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace warren::cli {
namespace {

std::string formatted(std::int64_t seconds, const char* format) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

Json entries_json(const std::vector<model::IdEntry>& entries, const IdRange& block) {
  auto json = Json::array();
  for (const auto& entry : entries)
    json.push_back({{"inside", entry.inside},
                    {"block", entry.block},
                    {"host", block.first + entry.block},
                    {"count", entry.count}});
  return json;
}

std::string sum_text(const ShownMap& shown, const std::string& kind,
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
  return ids::IdRegistry::open(TRY(context.settings()).ids);
}

Json time_json(std::int64_t seconds) {
  return seconds == 0 ? Json(nullptr) : Json(formatted(seconds, "%Y-%m-%dT%H:%M:%SZ"));
}

std::string time_text(std::int64_t seconds) {
  return seconds == 0 ? std::string() : formatted(seconds, "%Y-%m-%d %H:%M UTC");
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

MapUses spaces_of(const model::IdMap& map, const MapUses& uses) {
  MapUses spaces;
  const bool by_default = map.name.str() == model::kDefaultMap;
  for (const auto& use : uses)
    if (by_default ? !use.second.map && use.second.owner == map.owner : use.second.map == map.name)
      spaces.push_back(use);
  return spaces;
}

std::string names_of(const MapUses& spaces) {
  std::vector<std::string> names;
  for (const auto& use : spaces) names.push_back(use.first.str());
  return joined(names);
}

std::vector<std::pair<std::string, const std::vector<model::IdEntry>*>> kinds(const model::IdMap& map) {
  if (map.uid == map.gid) return {{"uid,gid", &map.uid}};
  return {{"uid", &map.uid}, {"gid", &map.gid}};
}

Json to_json(const ShownMap& shown) {
  const auto& [map, block, uses] = shown;
  auto spaces = Json::array();
  for (const auto& [space, use] : uses)
    spaces.push_back({{"name", space.str()}, {"since", time_json(use.since)}});
  return {{"name", map.name.str()},
          {"owner", map.owner.str()},
          {"first", block.range.first},
          {"count", block.range.count},
          {"uid", entries_json(map.uid, block.range)},
          {"gid", entries_json(map.gid, block.range)},
          {"uids", model::total(map.uid)},
          {"gids", model::total(map.gid)},
          {"spaces", spaces}};
}

void print(const ShownMap& shown) {
  const auto& [map, block, spaces] = shown;
  say(fmt::format("map {} of {}, block {}", map.name.str(), map.owner.str(), block.range.str()));
  Columns columns({"KIND", "INSIDE", "HOST", "IDS", "ENTRY"});
  for (const auto& [kind, entries] : kinds(map))
    for (const auto& entry : *entries)
      columns.add({kind, entry.inner().str(), IdRange{block.range.first + entry.block, entry.count}.str(),
                   grouped(entry.count), entry.str()});
  columns.print();
  for (const auto& [kind, entries] : kinds(map)) say(sum_text(shown, kind, *entries));
  for (const auto& [space, use] : spaces)
    say(fmt::format("the map of space {}{}", space.str(),
                    use.since == 0 ? std::string() : " since " + time_text(use.since)));
}

}  // namespace warren::cli
