// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/ids.h"

#include <fmt/format.h>

#include "store/rows.h"
#include "store/snapshot.h"

namespace warren::store {
namespace {

using model::IdBlock;
using model::IdEntry;
using model::IdKind;
using model::IdMap;
using model::MapUse;

#define WARREN_BLOCK_COLUMNS "first, count, owner, quarantined, since"

Result<IdBlock> read_block(const Database& db, const Statement& row) {
  const auto first = row.number(0), count = row.number(1);
  auto owner = OwnerName::parse(row.text(2));
  const auto range = first < 0 || count < 0 ? Result<IdRange>(std::unexpected(Error{}))
                                            : IdRange::make(static_cast<std::uint64_t>(first),
                                                            static_cast<std::uint64_t>(count));
  if (!owner || !range) return db.damaged("an impossible ID block");
  return IdBlock{*range, std::move(*owner), row.number(3) != 0, row.number(4)};
}

Result<OwnerName> read_owner(const Database& db, const Statement& row, int column) {
  auto owner = OwnerName::parse(row.text(column));
  if (!owner) return db.damaged("an impossible owner of IDs");
  return std::move(*owner);
}

Result<MapName> read_map_name(const Database& db, const Statement& row, int column) {
  auto name = MapName::parse(row.text(column));
  if (!name) return db.damaged("an impossible name of an ID map");
  return std::move(*name);
}

/// The entry of a row, from column `at` on.
Result<IdEntry> read_entry(const Database& db, const Statement& row, int at) {
  auto entry =
      IdEntry::parse(fmt::format("{}:{}:{}", row.number(at), row.number(at + 1), row.number(at + 2)));
  if (!entry) return db.damaged("an impossible entry of an ID map");
  return *entry;
}

Status load_entries(Database& db, IdMap& map) {
  auto query = TRY(
      db.prepare("SELECT kind, inside, block, count FROM id_map_entry WHERE map = ? ORDER BY kind, inside"));
  query.bind(map.name.str());
  while (TRY(query.step()))
    (query.number(0) == 0 ? map.uid : map.gid).push_back(TRY(read_entry(db, query, 1)));
  return {};
}

Status insert_entries(Database& db, const IdMap& map, IdKind kind) {
  for (const auto& entry : map.of(kind)) {
    auto insert =
        TRY(db.prepare("INSERT INTO id_map_entry(map, kind, inside, block, count) VALUES(?, ?, ?, ?, ?)"));
    insert.bind(map.name.str()).bind(static_cast<std::int64_t>(kind)).bind(entry.inside).bind(entry.block);
    TRY(insert.bind(entry.count).run());
  }
  return {};
}

/// The use of a row, from column `at` on.
Result<MapUse> read_use(const Database& db, const Statement& row, int at) {
  MapUse use{TRY(read_owner(db, row, at)), std::nullopt, row.number(at + 2)};
  if (!row.is_null(at + 1)) use.map = TRY(read_map_name(db, row, at + 1));
  return use;
}

}  // namespace

Result<std::vector<IdBlock>> Ids::blocks() {
  std::vector<IdBlock> all;
  auto query = TRY(db_->prepare("SELECT " WARREN_BLOCK_COLUMNS " FROM id_block ORDER BY first"));
  while (TRY(query.step())) all.push_back(TRY(read_block(*db_, query)));
  return all;
}

Result<std::optional<IdBlock>> Ids::block_of(const OwnerName& owner) {
  auto query =
      TRY(db_->prepare("SELECT " WARREN_BLOCK_COLUMNS " FROM id_block WHERE owner = ? AND NOT quarantined"));
  query.bind(owner.str());
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_block(*db_, query));
}

Status Ids::insert_block(const IdBlock& block) {
  auto insert = TRY(db_->prepare("INSERT INTO id_block(" WARREN_BLOCK_COLUMNS ") VALUES(?, ?, ?, ?, ?)"));
  insert.bind(block.range.first).bind(block.range.count).bind(block.owner.str());
  auto inserted = insert.bind(block.quarantined).bind(block.since).run();
  if (inserted || inserted.error().code != Code::exists) return inserted;
  if (const auto own = TRY(block_of(block.owner)))
    return fail(Code::exists,
                fmt::format("{} has the block {} already", block.owner.str(), own->range.str()));
  return fail(Code::exists, fmt::format("the block {} is taken", block.range.str()));
}

Status Ids::quarantine_block(const OwnerName& owner, std::int64_t since) {
  auto change =
      TRY(db_->prepare("UPDATE id_block SET quarantined = 1, since = ? WHERE owner = ? AND NOT quarantined"));
  TRY(change.bind(since).bind(owner.str()).run());
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("{} has no ID block; `warren id ls` lists them", owner.str()));
}

Status Ids::erase_block(std::uint32_t first) {
  auto change = TRY(db_->prepare("DELETE FROM id_block WHERE first = ?"));
  TRY(change.bind(first).run());
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("no ID block begins at {}", grouped(first)));
}

Result<std::vector<IdMap>> Ids::maps() {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  std::vector<IdMap> all;
  auto query = TRY(db_->prepare("SELECT name, owner FROM id_map ORDER BY name"));
  while (TRY(query.step()))
    all.push_back({TRY(read_map_name(*db_, query, 0)), TRY(read_owner(*db_, query, 1)), {}, {}});
  for (auto& map : all) TRY(load_entries(*db_, map));
  return all;
}

Result<std::optional<IdMap>> Ids::map(const MapName& name) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT owner FROM id_map WHERE name = ?"));
  query.bind(name.str());
  if (!TRY(query.step())) return std::nullopt;
  IdMap map{name, TRY(read_owner(*db_, query, 0)), {}, {}};
  TRY(load_entries(*db_, map));
  return map;
}

Status Ids::insert_map(const IdMap& map) {
  auto insert = TRY(db_->prepare("INSERT INTO id_map(name, owner) VALUES(?, ?)"));
  auto inserted = insert.bind(map.name.str()).bind(map.owner.str()).run();
  if (!inserted && inserted.error().code == Code::exists)
    return fail(Code::exists,
                fmt::format("there is a map '{}' already, and maps are never changed: make one of another "
                            "name and `warren map assign` it",
                            map.name.str()));
  TRY(std::move(inserted));
  TRY(insert_entries(*db_, map, IdKind::uid));
  return insert_entries(*db_, map, IdKind::gid);
}

Status Ids::erase_map(const MapName& name) {
  auto change = TRY(db_->prepare("DELETE FROM id_map WHERE name = ?"));
  auto removed = change.bind(name.str()).run();
  if (!removed && removed.error().code == Code::not_found)
    return fail(Code::exists, fmt::format("map '{}' is assigned to a space", name.str()));
  TRY(std::move(removed));
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("there is no map '{}'; `warren map ls` lists them", name.str()));
}

Result<std::vector<std::pair<SpaceName, MapUse>>> Ids::uses() {
  std::vector<std::pair<SpaceName, MapUse>> all;
  auto query =
      TRY(db_->prepare("SELECT space.name, owner, map, since FROM space_map "
                       "JOIN space ON space.id = space_map.space ORDER BY space.name"));
  while (TRY(query.step())) all.emplace_back(TRY(read_name(*db_, query, 0)), TRY(read_use(*db_, query, 1)));
  return all;
}

Result<std::optional<MapUse>> Ids::use_of(SpaceNumber number) {
  auto query = TRY(db_->prepare("SELECT owner, map, since FROM space_map WHERE space = " WARREN_ID_OF));
  query.bind(number);
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_use(*db_, query, 0));
}

Status Ids::set_use(SpaceNumber number, const MapUse& use) {
  auto insert =
      TRY(db_->prepare("INSERT OR REPLACE INTO space_map(space, owner, map, since) "
                       "SELECT id, ?, ?, ? FROM space WHERE number = ?"));
  insert.bind(use.owner.str());
  if (use.map)
    insert.bind(use.map->str());
  else
    insert.bind_null();
  auto done = insert.bind(use.since).bind(number).run();
  if (done && db_->changes() == 0) return no_space(number);
  if (!done && done.error().code == Code::not_found)
    return fail(Code::not_found, fmt::format("there is no map '{}'; `warren map ls` lists them",
                                             use.map ? use.map->str() : std::string(model::kDefaultMap)));
  return done;
}

Status Ids::clear_use(SpaceNumber number) {
  auto change = TRY(db_->prepare("DELETE FROM space_map WHERE space = " WARREN_ID_OF));
  return change.bind(number).run();
}

}  // namespace warren::store
