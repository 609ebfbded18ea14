// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/ids.h"

#include <fmt/format.h>

#include "kinds/ids/registry.h"
#include "store/ids.h"

namespace warren::ids {
namespace {

Result<model::IdBlock> block_for(const Place& place, store::Store& store, const model::IdSettings& settings,
                                 const OwnerName& owner) {
  if (auto block = TRY(store.ids().block_of(owner))) return *block;
  auto block = allocate_block(place, store, settings, owner);
  if (block || block.error().code != Code::exists) return block;
  if (auto other = TRY(store.ids().block_of(owner))) return *other;  // another process was quicker
  return block;
}

Result<model::IdMap> named_map(store::Store& store, const MapName& name) {
  if (auto map = TRY(store.ids().map(name))) return std::move(*map);
  return fail(Code::not_found, fmt::format("there is no map '{}'; `warren map ls` lists them", name.str()));
}

}  // namespace

Result<SpaceIds> space_ids(const Place& place, store::Store& store, const model::IdSettings& settings,
                           const model::Space& space, const std::optional<std::string>& map) {
  const auto use = TRY(store.ids().use_of(space.number));
  auto name = use ? use->map : std::nullopt;
  if (map) name = *map == model::kDefaultMap ? std::nullopt : std::optional(TRY(MapName::parse(*map)));
  if (name) {
    auto named = TRY(named_map(store, *name));
    auto block = TRY(block_for(place, store, settings, named.owner));
    return SpaceIds{std::move(named), std::move(block)};
  }
  auto block =
      TRY(block_for(place, store, settings, use ? use->owner : TRY(OwnerName::parse(space.name.str()))));
  return SpaceIds{model::default_map(block.owner, block.range), block};
}

Result<IdRuns> id_runs(const Place& place, store::Store& store, const model::IdSettings& settings,
                       const model::Space& space, const std::optional<std::string>& map) {
  const auto ids = TRY(space_ids(place, store, settings, space, map));
  return model::runs(ids.map, ids.block.range);
}

}  // namespace warren::ids
