// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "store/rows.h"
#include "store/snapshot.h"
#include "store/store.h"

namespace warren::store {
namespace {

using model::Space;

Status changed_one(const Database& db, SpaceNumber number) {
  if (db.changes() == 1) return {};
  return fail(Code::not_found, fmt::format("there is no space with number {}", number));
}

Status load_forwards(Database& db, Space& space) {
  auto query = TRY(db.prepare("SELECT " WARREN_FORWARD_COLUMNS
                              " FROM forward WHERE space = ? ORDER BY proto, host, first"));
  query.bind(space.number);
  while (TRY(query.step())) space.forwards.push_back(TRY(read_forward(db, query, 0)));
  sort_forwards(space.forwards);
  return {};
}

/// Most spaces have no devices, and cost no query for them.
Result<Space> read_with_devices(Database& db, const Statement& row) {
  auto space = TRY(read_space(db, row));
  if (row.number(10) != 0) space.devices = TRY(load_devices(db, space.number));
  return space;
}

/// The one space that a bound query finds, with its forwards.
Result<std::optional<Space>> load_one(Database& db, Statement& query) {
  if (!TRY(query.step())) return std::nullopt;
  auto space = TRY(read_with_devices(db, query));
  TRY(load_forwards(db, space));
  return space;
}

Result<std::vector<Space>> load_spaces(Database& db) {
  std::vector<Space> spaces;
  auto query = TRY(db.prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space ORDER BY number"));
  while (TRY(query.step())) spaces.push_back(TRY(read_with_devices(db, query)));
  return spaces;
}

/// Gives each of `spaces`, sorted by number, its forwards: both scans run in the same order.
Status load_all_forwards(Database& db, std::vector<Space>& spaces) {
  auto query = TRY(
      db.prepare("SELECT " WARREN_FORWARD_COLUMNS ", space FROM forward ORDER BY space, proto, host, first"));
  auto space = spaces.begin();
  while (TRY(query.step())) {
    const auto number = query.number(5);
    while (space != spaces.end() && space->number < number) ++space;
    if (space == spaces.end() || space->number != number) return db.damaged("a forward has no space");
    space->forwards.push_back(TRY(read_forward(db, query, 0)));
  }
  for (auto& one : spaces) sort_forwards(one.forwards);
  return {};
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

}  // namespace

Result<std::vector<Space>> Store::load_all() {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto spaces = TRY(load_spaces(*db_));
  TRY(load_all_forwards(*db_, spaces));
  return spaces;
}

Result<std::optional<Space>> Store::find(const SpaceName& name) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space WHERE name = ?"));
  query.bind(name.str());
  return load_one(*db_, query);
}

Result<std::optional<Space>> Store::find(SpaceNumber number) {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  auto query = TRY(db_->prepare("SELECT " WARREN_SPACE_COLUMNS " FROM space WHERE number = ?"));
  query.bind(number);
  return load_one(*db_, query);
}

Result<std::size_t> Store::count() {
  return static_cast<std::size_t>(TRY(db_->number("SELECT count(*) FROM space")));
}

Result<std::optional<SpaceName>> Store::owner_of(const Ip& ip) {
  auto query = TRY(db_->prepare(ip.is_v4() ? "SELECT name FROM space WHERE ip4 = ?"
                                           : "SELECT name FROM space WHERE ip6 = ?"));
  query.bind(ip);
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_name(*db_, query, 0));
}

/// Says which of its values another space has, when a row was refused as not unique.
Error Store::who_has(Error error, const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  if (error.code != Code::exists) return error;
  const auto taken = [](std::string what) { return Error{Code::exists, 0, std::move(what)}; };
  if (const auto other = find(space.name); other && *other && (*other)->number != space.number)
    return taken(fmt::format("space {} exists already", space.name.str()));
  if (const auto other = find(space.number); other && *other && (*other)->name != space.name)
    return taken(fmt::format("number {} is taken by space {}", space.number, (*other)->name.str()));
  for (const auto& ip : {std::optional(ip4), ip6}) {
    const auto owner = ip ? owner_of(*ip) : std::optional<SpaceName>();
    if (owner && *owner && **owner != space.name)
      return taken(fmt::format("address {} is taken by space {}", ip->str(), (*owner)->str()));
  }
  return taken(fmt::format("space {} exists already", space.name.str()));
}

Status Store::insert_row(const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  auto insert =
      TRY(db_->prepare("INSERT INTO space(ip4, ip6, ip4_given, ip6_given, nat, number, name, adopted, state, "
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
      TRY(db_->prepare("INSERT INTO meta(key, value) VALUES('last_number', ?) "
                       "ON CONFLICT(key) DO UPDATE SET value = excluded.value WHERE value < excluded.value"));
  return raise.bind(space.number).run();
}

Status Store::insert(const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  std::optional<Transaction> own;
  if (!db_->in_transaction()) own.emplace(TRY(begin()));
  if (auto inserted = insert_row(space, ip4, ip6); !inserted)
    return std::unexpected(who_has(std::move(inserted).error(), space, ip4, ip6));
  for (const auto& forward : space.forwards) TRY(add_forward(space.number, forward));
  for (const auto& device : space.devices) TRY(put_device(space.number, device));
  return own ? own->commit() : Status();
}

Status Store::update(const Space& space, const Ip& ip4, const std::optional<Ip>& ip6) {
  auto change = TRY(db_->prepare(
      "UPDATE space SET ip4 = ?, ip6 = ?, ip4_given = ?, ip6_given = ?, nat = ? WHERE number = ?"));
  bind_addresses(change, space, ip4, ip6);
  if (auto changed = change.bind(space.number).run(); !changed)
    return std::unexpected(who_has(std::move(changed).error(), space, ip4, ip6));
  return changed_one(*db_, space.number);
}

Status Store::set_state(SpaceNumber number, model::State state) {
  auto change = TRY(db_->prepare("UPDATE space SET state = ? WHERE number = ?"));
  TRY(change.bind(static_cast<std::int64_t>(state)).bind(number).run());
  return changed_one(*db_, number);
}

Status Store::set_adopted(SpaceNumber number, bool adopted) {
  auto change = TRY(db_->prepare("UPDATE space SET adopted = ? WHERE number = ?"));
  TRY(change.bind(adopted).bind(number).run());
  return changed_one(*db_, number);
}

Status Store::erase(SpaceNumber number) {
  auto change = TRY(db_->prepare("DELETE FROM space WHERE number = ?"));
  TRY(change.bind(number).run());
  return changed_one(*db_, number);
}

}  // namespace warren::store
