// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/space.h"
#include "store/database.h"

namespace warren::store {

/// The columns that read_space() takes, in its order, and the row's key.
#define WARREN_SPACE_COLUMNS "number, name, ip4, ip6, ip4_given, ip6_given, nat, adopted, state, uplink, id"
/// The key of the row of the space with a number.
#define WARREN_ID_OF "(SELECT id FROM space WHERE number = ?)"
/// The columns that read_forward() takes, in its order.
#define WARREN_FORWARD_COLUMNS "proto, host, first, last, to_port"

/// The space of a row, without its forwards. Error: the store is damaged.
[[nodiscard]] Result<model::Space> read_space(const Database& db, const Statement& row);
/// The forward of a row, from column `at` on. Error: the store is damaged.
[[nodiscard]] Result<model::Forward> read_forward(const Database& db, const Statement& row, int at);
/// That there is none with this number.
[[nodiscard]] std::unexpected<Error> no_space(SpaceNumber number);
/// A space's name. Error: the store is damaged.
[[nodiscard]] Result<SpaceName> read_name(const Database& db, const Statement& row, int column);

/// The value of an enumeration that a column holds; nothing where this warren knows none of that number.
template <class Enum>
[[nodiscard]] std::optional<Enum> read_enum(std::int64_t number, Enum last) {
  if (number < 0 || number > static_cast<std::int64_t>(last)) return std::nullopt;
  return static_cast<Enum>(number);
}

/// Binds a forward's host address: empty for any.
void bind_host(Statement& statement, const std::optional<Ip>& host);

/// Sorts what the scans give by bytes of the host address into the order of Forward.
void sort_forwards(std::vector<model::Forward>& forwards);

}  // namespace warren::store
