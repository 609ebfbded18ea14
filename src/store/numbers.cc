// SPDX-License-Identifier: GPL-2.0-or-later
// How spaces get their numbers.
#include <algorithm>
#include <fmt/format.h>

#include "store/database.h"
#include "store/meta.h"
#include "store/spaces.h"

namespace warren::store {
namespace {

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
  const auto given = std::min(TRY(Meta(*db_).last_number()), last);
  auto number = TRY(first_free(*db_, static_cast<SpaceNumber>(given + 1), last, addresses_of));
  if (!number) number = TRY(first_free(*db_, kFirstNumber, given, addresses_of));
  if (!number)
    return fail(Code::failed,
                fmt::format("all {} numbers of the pool are taken: remove spaces or widen `pool`",
                            last - kHostNumber));
  TRY(Meta(*db_).set_last_number(*number));
  return *number;
}

}  // namespace warren::store
