// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/space.h"

namespace warren::store {

class Database;

/// The tenants' spaces. Each method fails where the store cannot be read or written.
class Spaces {
 public:
  /// The addresses that a number stands for, to see whether they are taken.
  using AddressesOf = std::function<std::pair<Ip, std::optional<Ip>>(SpaceNumber)>;

  explicit Spaces(Database& db) : db_(&db) {}

  /// Every space with its forwards and devices, sorted by number, from one snapshot. Runs a constant number
  /// of statements.
  [[nodiscard]] Result<std::vector<model::Space>> all();
  /// One space with its forwards and devices, and nothing read of others.
  [[nodiscard]] Result<std::optional<model::Space>> find(const SpaceName& name);
  [[nodiscard]] Result<std::optional<model::Space>> find(SpaceNumber number);
  /// Those of these names that there are, in the order of the names, from one snapshot. Costs what find()
  /// costs for each.
  [[nodiscard]] Result<std::vector<model::Space>> find_many(std::span<const SpaceName> names);
  /// The names alone that begin with `prefix`, sorted; nothing is read of those that do not.
  [[nodiscard]] Result<std::vector<SpaceName>> names(std::string_view prefix = {});
  [[nodiscard]] Result<std::size_t> count();
  [[nodiscard]] Result<std::size_t> count(model::State state);
  /// Is a space in this state, other than the one with this number? Costs the same whatever there is.
  [[nodiscard]] Result<bool> any_other(model::State state, SpaceNumber number);

  /// Adds a space, its forwards and its devices. `ip4` and `ip6` are what it will really have: given or
  /// derived. Error: exists, naming who has the name, the number, the address or the port.
  [[nodiscard]] Status insert(const model::Space& space, const Ip& ip4, const std::optional<Ip>& ip6);
  /// Writes `nat` and the addresses of the space with this number. Error: not_found, exists.
  [[nodiscard]] Status update(const model::Space& space, const Ip& ip4, const std::optional<Ip>& ip6);
  /// Error: not_found.
  [[nodiscard]] Status set_state(SpaceNumber number, model::State state);
  /// Error: not_found.
  [[nodiscard]] Status set_adopted(SpaceNumber number, bool adopted);
  /// Forgets the space and all that hangs on it. Error: not_found.
  [[nodiscard]] Status erase(SpaceNumber number);

  /// The space whose own address (of the pool or the ULA, or given by hand) this is.
  [[nodiscard]] Result<std::optional<SpaceName>> owner_of(const Ip& ip);

  /// Gives the next number after the one given last, up to `last`, then from the lowest again, so that a
  /// number rests as long as possible before it is given again. Passes over numbers whose addresses are
  /// taken. Error: failed, when none is left.
  [[nodiscard]] Result<SpaceNumber> allocate(SpaceNumber last, const AddressesOf& addresses_of);

 private:
  Database* db_;
};

}  // namespace warren::store
