// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/owners.h"

#include <fmt/format.h>

#include "apply/ids.h"
#include "store/ids.h"

namespace warren::apply {

Result<Owners> find_owners(store::Store& store, const model::IdSettings& settings,
                           const std::vector<model::SpaceChange>& changes) {
  Owners owners;
  if (changes.empty() || TRY(store.ids().uses()).empty()) return owners;
  for (const auto& change : changes) {
    const auto& space = *change.space;
    if (!change.missing.has(model::Part::netns) || !TRY(store.ids().use_of(space.number))) continue;
    owners.emplace(space.number, TRY_WRAP("the map of space " + space.name.str(),
                                          id_runs(store, settings, space, std::nullopt)));
  }
  return owners;
}

}  // namespace warren::apply
