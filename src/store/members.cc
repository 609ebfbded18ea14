// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/members.h"

#include <algorithm>
#include <fmt/format.h>

#include "store/rows.h"

namespace warren::store {
namespace {

using model::Member;

Result<Member> read_member(const Database& db, const Statement& row) {
  const auto kind = read_enum(row.number(0), Member::kLastKind);
  auto name = UserName::parse(row.text(1));
  if (!name || !kind) return db.damaged("an impossible member");
  return Member{*kind, std::move(*name)};
}

}  // namespace

Result<std::vector<std::pair<Member, SpaceName>>> Members::all() {
  std::vector<std::pair<Member, SpaceName>> all;
  auto query =
      TRY(db_->prepare("SELECT member.kind, member.name, space.name FROM member "
                       "JOIN space ON space.id = member.space"));
  while (TRY(query.step())) all.emplace_back(TRY(read_member(*db_, query)), TRY(read_name(*db_, query, 2)));
  std::ranges::sort(all);
  return all;
}

Result<std::optional<SpaceName>> Members::space_of(const Member& member) {
  auto query =
      TRY(db_->prepare("SELECT space.name FROM member JOIN space ON space.id = member.space "
                       "WHERE member.kind = ? AND member.name = ?"));
  query.bind(static_cast<std::int64_t>(member.kind)).bind(member.name.str());
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_name(*db_, query, 0));
}

Result<std::vector<Member>> Members::of(SpaceNumber number) {
  std::vector<Member> all;
  auto query = TRY(db_->prepare("SELECT kind, name FROM member WHERE space = " WARREN_ID_OF));
  query.bind(number);
  while (TRY(query.step())) all.push_back(TRY(read_member(*db_, query)));
  std::ranges::sort(all);
  return all;
}

Status Members::insert(SpaceNumber number, const Member& member) {
  auto insert =
      TRY(db_->prepare("INSERT INTO member(kind, name, space) SELECT ?, ?, id FROM space WHERE number = ?"));
  insert.bind(static_cast<std::int64_t>(member.kind)).bind(member.name.str()).bind(number);
  auto inserted = insert.run();
  if (inserted && db_->changes() == 0) return no_space(number);
  if (inserted || inserted.error().code != Code::exists) return inserted;
  const auto other = TRY(space_of(member));
  return fail(Code::exists, fmt::format("{} is a member of space {} already", member.str(),
                                        other ? other->str() : std::string("?")));
}

Status Members::erase(SpaceNumber number, const Member& member) {
  auto change = TRY(db_->prepare("DELETE FROM member WHERE kind = ? AND name = ? AND space = " WARREN_ID_OF));
  change.bind(static_cast<std::int64_t>(member.kind)).bind(member.name.str()).bind(number);
  TRY(change.run());
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("{} is no member of it", member.str()));
}

}  // namespace warren::store
