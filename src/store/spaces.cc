// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/spaces.h"

#include <algorithm>
#include <fmt/format.h>

#include "store/devices.h"
#include "store/forwards.h"
#include "store/load.h"
#include "store/rows.h"
#include "store/snapshot.h"
#include "store/transaction.h"

namespace warren::store {
namespace {

using model::Space;

Status changed_one(const Database& db, SpaceNumber number) {
  if (db.changes() == 1) return {};
  return no_space(number);
}

/// The one space that a bound query finds, with all that hangs on it.
Result<std::optional<Space>> load_one(Database& db, Statement& query) {
  if (!TRY(query.step())) return std::nullopt;
  const auto id = query.number(10);
  std::vector<LoadedSpace> one;
  one.push_back({id, TRY(read_space(db, query))});
  TRY(load_forwards(db, {id, id}, one));
  TRY(load_devices(db, {id, id}, one));
  return std::move(one.front().space);
}

void bind_addresses(Statement& statement, const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  statement.bind(ip4);
  const auto& kept = ip6 ? ip6 : space.ip6;  // one given by hand stays reserved while IPv6 is off
  if (kept)
    statement.bind(*kept);
  else
    statement.bind_null();
  statement.bind(space.ip4.has_value()).bind(space.ip6.has_value()).bind(space.nat);
}

/// Says which of its values another space has, when a row was refused as not unique.
Error who_has(Database& db, Error error, const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  if (error.code != Code::exists) return error;
  Spaces spaces(db);
  const auto taken = [](std::string what) { return Error{Code::exists, 0, std::move(what)}; };
  if (const auto other = spaces.find(space.name); other && *other && (*other)->number != space.number)
    return taken(fmt::format("space {} exists already", space.name.str()));
  if (const auto other = spaces.find(space.number); other && *other && (*other)->name != space.name)
    return taken(fmt::format("number {} is taken by space {}", space.number, (*other)->name.str()));
  for (const auto& ip : {std::optional(ip4), ip6}) {
    const auto owner = ip ? spaces.owner_of(*ip) : std::optional<SpaceName>();
    if (owner && *owner && **owner != space.name)
      return taken(fmt::format("address {} is taken by space {}", ip->str(), (*owner)->str()));
  }
  return taken(fmt::format("space {} exists already", space.name.str()));
}

Status insert_row(Database& db, const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  auto insert =
      TRY(db.prepare("INSERT INTO space(ip4, ip6, ip4_given, ip6_given, nat, number, name, adopted, state, "
                     "uplink) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  bind_addresses(insert, space, ip4, ip6);
  insert.bind(space.number)
      .bind(space.name.str())
      .bind(space.adopted)
      .bind(static_cast<std::int64_t>(space.state))
      .bind(space.uplink);
  TRY(insert.run());
  // A number given by hand counts as given, too.
  auto raise =
      TRY(db.prepare("INSERT INTO meta(key, value) VALUES('last_number', ?) "
                     "ON CONFLICT(key) DO UPDATE SET value = excluded.value WHERE value < excluded.value"));
  return raise.bind(space.number).run();
}

}  // namespace

Result<std::vector<Space>> Spaces::all() {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space WHERE kind = 0 ORDER BY id"));
  std::vector<LoadedSpace> loaded;
  while (TRY(query.step())) loaded.push_back({query.number(10), TRY(read_space(*db_, query))});
  TRY(load_forwards(*db_, {}, loaded));
  TRY(load_devices(*db_, {}, loaded));
  std::vector<Space> spaces;
  spaces.reserve(loaded.size());
  for (auto& one : loaded) spaces.push_back(std::move(one.space));
  if (!std::ranges::is_sorted(spaces, {}, &Space::number)) std::ranges::sort(spaces, {}, &Space::number);
  return spaces;
}

Result<std::optional<Space>> Spaces::find(const SpaceName& name) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space WHERE name = ? AND kind = 0"));
  query.bind(name.str());
  return load_one(*db_, query);
}

Result<std::optional<Space>> Spaces::find(SpaceNumber number) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space WHERE number = ?"));
  query.bind(number);
  return load_one(*db_, query);
}

Result<std::vector<Space>> Spaces::find_many(std::span<const SpaceName> names) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  std::vector<Space> spaces;
  for (const auto& name : names)
    if (auto space = TRY(find(name))) spaces.push_back(std::move(*space));
  return spaces;
}

Result<std::vector<SpaceName>> Spaces::names(std::string_view prefix) {
  std::vector<SpaceName> names;
  // No character of a name stands behind the tilde, so all that begin with the prefix stand before this.
  auto query =
      TRY(db_->prepare("SELECT name FROM space WHERE name >= ? AND name < ? AND kind = 0 ORDER BY name"));
  const auto end = std::string(prefix) + "~";
  query.bind(prefix).bind(end);
  while (TRY(query.step())) names.push_back(TRY(read_name(*db_, query, 0)));
  return names;
}

Result<std::size_t> Spaces::count() {
  return static_cast<std::size_t>(TRY(db_->number("SELECT count(*) FROM space WHERE kind = 0")));
}

Result<std::size_t> Spaces::count(model::State state) {
  auto query = TRY(db_->prepare("SELECT count(*) FROM space WHERE state = ? AND kind = 0"));
  query.bind(static_cast<std::int64_t>(state));
  TRY(query.step());
  return static_cast<std::size_t>(query.number(0));
}

Result<bool> Spaces::any_other(model::State state, SpaceNumber number) {
  auto query = TRY(db_->prepare("SELECT 1 FROM space WHERE state = ? AND kind = 0 AND number <> ? LIMIT 1"));
  return query.bind(static_cast<std::int64_t>(state)).bind(number).step();
}

Result<std::optional<SpaceName>> Spaces::owner_of(const Ip& ip) {
  auto query = TRY(db_->prepare(ip.is_v4() ? "SELECT name FROM space WHERE ip4 = ?"
                                           : "SELECT name FROM space WHERE ip6 = ?"));
  query.bind(ip);
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_name(*db_, query, 0));
}

Status Spaces::insert(const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  std::optional<Transaction> own;
  if (!db_->in_transaction()) own.emplace(TRY(Transaction::begin(*db_)));
  if (auto inserted = insert_row(*db_, space, ip4, ip6); !inserted)
    return std::unexpected(who_has(*db_, std::move(inserted).error(), space, ip4, ip6));
  for (const auto& forward : space.forwards) TRY(Forwards(*db_).insert(space.number, forward));
  for (const auto& device : space.devices) TRY(Devices(*db_).put(space.number, device));
  return own ? own->commit() : Status();
}

Status Spaces::update(const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  auto change = TRY(db_->prepare(
      "UPDATE space SET ip4 = ?, ip6 = ?, ip4_given = ?, ip6_given = ?, nat = ? WHERE number = ?"));
  bind_addresses(change, space, ip4, ip6);
  if (auto changed = change.bind(space.number).run(); !changed)
    return std::unexpected(who_has(*db_, std::move(changed).error(), space, ip4, ip6));
  return changed_one(*db_, space.number);
}

Status Spaces::set_state(SpaceNumber number, model::State state) {
  auto change = TRY(db_->prepare("UPDATE space SET state = ? WHERE number = ?"));
  TRY(change.bind(static_cast<std::int64_t>(state)).bind(number).run());
  return changed_one(*db_, number);
}

Status Spaces::set_adopted(SpaceNumber number, bool adopted) {
  auto change = TRY(db_->prepare("UPDATE space SET adopted = ? WHERE number = ?"));
  TRY(change.bind(adopted).bind(number).run());
  return changed_one(*db_, number);
}

Status Spaces::erase(SpaceNumber number) {
  auto change = TRY(db_->prepare("DELETE FROM space WHERE number = ?"));
  TRY(change.bind(number).run());
  return changed_one(*db_, number);
}

}  // namespace warren::store
