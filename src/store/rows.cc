// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/rows.h"

#include <algorithm>
#include <fmt/format.h>

namespace warren::store {

std::unexpected<Error> no_space(SpaceNumber number) {
  return fail(Code::not_found, fmt::format("there is no space with number {}", number));
}

Result<SpaceName> read_name(const Database& db, const Statement& row, int column) {
  auto name = SpaceName::parse(row.text(column));
  if (!name) return db.damaged("a space has an impossible name");
  return name;
}

Result<model::Space> read_space(const Database& db, const Statement& row) {
  model::Space space;
  const auto number = row.number(0);
  const auto state = read_enum(row.number(8), model::kLastState);
  const auto ip4 = row.ip(2);
  const auto ip6 = row.ip(3);
  const bool given4 = row.number(4) != 0;
  const bool given6 = row.number(5) != 0;
  if (number < kFirstNumber || number > kLastNumber) return db.damaged("a space has an impossible number");
  if (!state || !ip4 || (given6 && !ip6)) return db.damaged("a space has impossible values");
  space.number = static_cast<SpaceNumber>(number);
  space.name = TRY(read_name(db, row, 1));
  if (given4) space.ip4 = ip4;
  if (given6) space.ip6 = ip6;
  space.nat = row.number(6) != 0;
  space.adopted = row.number(7) != 0;
  space.state = *state;
  space.uplink = row.number(9) != 0;
  return space;
}

Result<model::Forward> read_forward(const Database& db, const Statement& row, int at) {
  const auto proto = row.number(at);
  const auto host = row.ip(at + 1);
  const auto first = row.number(at + 2);
  const auto last = row.number(at + 3);
  const auto to = row.number(at + 4);
  const bool good = (proto == 6 || proto == 17) && (host || row.length(at + 1) == 0) && first >= 1 &&
                    first <= last && last <= 65535 && to >= 1 && to <= 65535;
  if (!good) return db.damaged("a forward has impossible values");
  return model::Forward{static_cast<Proto>(proto),
                        host,
                        {static_cast<Port>(first), static_cast<Port>(last)},
                        static_cast<Port>(to)};
}

void bind_host(Statement& statement, const std::optional<Ip>& host) {
  if (host)
    statement.bind(*host);
  else
    statement.bind_empty();
}

void sort_forwards(std::vector<model::Forward>& forwards) {
  if (!std::ranges::is_sorted(forwards)) std::ranges::sort(forwards);
}

}  // namespace warren::store
