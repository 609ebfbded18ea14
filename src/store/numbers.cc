// SPDX-License-Identifier: GPL-2.0-or-later
// How spaces get their numbers.
#include <algorithm>
#include <fmt/format.h>

#include "store/database.h"
#include "store/spaces.h"

namespace warren::store {
namespace {

Status set_last_number(Database& db, SpaceNumber number) {
  auto update = TRY(db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('last_number', ?)"));
  return update.bind(number).run();
}

Result<SpaceNumber> last_number(Database& db) {
  auto query = TRY(db.prepare("SELECT value FROM meta WHERE key = 'last_number'"));
  if (!TRY(query.step())) return kHostNumber;
  const auto number = query.number(0);
  if (number < kHostNumber || number > kLastNumber) return db.damaged("an impossible last number");
  return static_cast<SpaceNumber>(number);
}

/// Does a space have an address that the number stands for?
Result<bool> addresses_taken(Spaces spaces, const Spaces::AddressesOf& addresses_of, SpaceNumber number) {
  const auto [ip4, ip6] = addresses_of(number);
  if (TRY(spaces.owner_of(ip4))) return true;
  return ip6 && TRY(spaces.owner_of(*ip6));
}

/// The lowest number from `from` to `to` that no space has, and whose addresses none has.
Result<std::optional<SpaceNumber>> first_free(Database& db, SpaceNumber from, SpaceNumber to,
                                              const Spaces::AddressesOf& addresses_of) {
  auto taken = TRY(db.prepare("SELECT number FROM space WHERE number BETWEEN ? AND ? ORDER BY number"));
  taken.bind(from).bind(to);
  bool more = TRY(taken.step());
  for (unsigned n = from; n <= to; ++n) {
    if (more && taken.number(0) == n) {
      more = TRY(taken.step());
      continue;
    }
    const auto number = static_cast<SpaceNumber>(n);
    if (!TRY(addresses_taken(Spaces(db), addresses_of, number))) return number;
  }
  return std::nullopt;
}

}  // namespace

Result<SpaceNumber> Spaces::allocate(SpaceNumber last, const AddressesOf& addresses_of) {
  const auto given = std::min(TRY(last_number(*db_)), last);
  auto number = TRY(first_free(*db_, static_cast<SpaceNumber>(given + 1), last, addresses_of));
  if (!number) number = TRY(first_free(*db_, kFirstNumber, given, addresses_of));
  if (!number)
    return fail(Code::failed,
                fmt::format("all {} numbers of the pool are taken: remove spaces or widen `pool`",
                            last - kHostNumber));
  TRY(set_last_number(*db_, *number));
  return *number;
}

}  // namespace warren::store
