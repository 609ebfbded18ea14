// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/ids.h"

#include <ctime>

namespace warren::view {
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

}  // namespace

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

}  // namespace warren::view
