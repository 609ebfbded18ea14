// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/owners.h"

#include <fmt/format.h>

#include "kinds/ids/ids.h"
#include "store/ids.h"

namespace warren::ids {

Result<Owners> find_owners(const Place& place, store::Store& store, const model::IdSettings& settings,
                           const std::vector<const model::Space*>& spaces) {
  Owners owners;
  if (place.own_userns || spaces.empty() || TRY(store.ids().uses()).empty()) return owners;
  for (const auto* space : spaces) {
    if (!TRY(store.ids().use_of(space->number))) continue;
    owners.emplace(space->number, TRY_WRAP("the map of space " + space->name.str(),
                                           id_runs(place, store, settings, *space, std::nullopt)));
  }
  return owners;
}

}  // namespace warren::ids
