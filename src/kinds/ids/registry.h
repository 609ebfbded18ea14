// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/place.h"
#include "model/id_map.h"
#include "store/store.h"
#include "sys/lock.h"

namespace warren::ids {

/// Gives the owner a block, the lowest that nobody uses or the one that begins at `first`, and brings our
/// section of /etc/subuid up to date where there is one. Not inside a transaction. Error: exists (he has one;
/// or, with `first`, naming the other user of the IDs), failed (none is left).
[[nodiscard]] Result<model::IdBlock> allocate_block(const Place& place, store::Store& store,
                                                    const model::IdSettings& settings, const OwnerName& owner,
                                                    std::optional<std::uint32_t> first = {});

/// ID blocks and maps, changed. While one lives it holds the writers' lock.
class IdRegistry {
 public:
  [[nodiscard]] static Result<IdRegistry> open(const Place& place, const model::IdSettings& settings);

  [[nodiscard]] store::Store& store() { return store_; }

  [[nodiscard]] Result<model::IdBlock> allocate(const OwnerName& owner, std::optional<std::uint32_t> first);
  /// Puts the owner's block in quarantine. Error: not_found; failed, naming what still uses it.
  [[nodiscard]] Result<model::IdBlock> free(const OwnerName& owner);
  /// Forgets blocks in quarantine: of these owners, or all. Error: not_found; failed, while a user namespace
  /// has its IDs.
  [[nodiscard]] Result<std::vector<model::IdBlock>> purge(const std::vector<OwnerName>& owners);

  /// Error: usage (see model::check), exists, not_found (the owner has no block).
  [[nodiscard]] Status add_map(const model::IdMap& map);
  /// Error: not_found; failed, naming the space or the process that uses it.
  [[nodiscard]] Status remove_maps(const std::vector<MapName>& names);
  /// From the next start on, the space has this map, or the default of `owner`, or its own default.
  [[nodiscard]] Status assign(const SpaceName& space, const std::optional<MapName>& map,
                              const std::optional<OwnerName>& owner);
  /// Makes the disjoint maps of the owner's block; those that are there already stay.
  [[nodiscard]] Result<std::vector<model::IdMap>> split(const OwnerName& owner);

  /// Writes or removes the section of /etc/subuid and /etc/subgid; gives the files that it changed.
  [[nodiscard]] Result<std::vector<std::string>> export_subids(bool remove);

 private:
  IdRegistry(Place place, sys::WriterLock lock, store::Store store, const model::IdSettings& settings)
      : place_(std::move(place)), lock_(std::move(lock)), store_(std::move(store)), settings_(settings) {}

  [[nodiscard]] Status check_given_up(const OwnerName& owner);
  [[nodiscard]] Status remove_map(const MapName& name);

  Place place_;
  sys::WriterLock lock_;
  store::Store store_;
  model::IdSettings settings_;
};

/// The owner's block. Error: not_found, with what to type.
[[nodiscard]] Result<model::IdBlock> need_block(store::Store& store, const OwnerName& owner);
/// Each space, whose IDs it uses, by which map (nothing: the default) and since when (0: since ever).
[[nodiscard]] Result<std::vector<std::pair<SpaceName, model::MapUse>>> all_uses(store::Store& store);

}  // namespace warren::ids
