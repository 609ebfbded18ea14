// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/registry.h"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

#include "base/log.h"
#include "kinds/ids/subids.h"
#include "kinds/ids/uses.h"
#include "store/ids.h"
#include "store/spaces.h"

namespace warren::ids {
namespace {

using model::IdBlock;
using model::IdMap;

/// What is in the store counts; that a file lags behind is said, and mended by the next `up`.
void follow(const Place& place, store::Store& store) {
  if (const auto mended = mend_subids(place, store); !mended)
    warn("the sections of warren are not up to date: " + mended.error().what);
}

Result<IdRange> choose(const Place& place, store::Store& store, const model::IdSettings& settings,
                       std::optional<std::uint32_t> first) {
  const auto blocks = TRY(store.ids().blocks());
  const auto uses = TRY(other_uses(place, blocks));
  if (!first) return model::free_block(settings, blocks, uses);
  const auto range = TRY(IdRange::make(*first, settings.size));
  TRY(model::check_free(range, blocks, uses));
  return range;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Result<IdBlock> allocate_block(const Place& place, store::Store& store, const model::IdSettings& settings,
                               const OwnerName& owner, std::optional<std::uint32_t> first) {
  auto transaction = TRY(store.begin());
  if (const auto own = TRY(store.ids().block_of(owner)))
    return fail(Code::exists, fmt::format("{} has the block {} already", owner.str(), own->range.str()));
  const IdBlock block{TRY(choose(place, store, settings, first)), owner, false, std::time(nullptr)};
  TRY(store.ids().insert_block(block));
  TRY(transaction.commit());
  follow(place, store);
  return block;
}

Result<IdBlock> need_block(store::Store& store, const OwnerName& owner) {
  if (auto block = TRY(store.ids().block_of(owner))) return std::move(*block);
  return fail(Code::not_found,
              fmt::format("{0} has no ID block: `warren id allocate {0}` gives him one", owner.str()));
}

Result<std::vector<std::pair<SpaceName, model::MapUse>>> all_uses(store::Store& store) {
  auto uses = TRY(store.ids().uses());  // sorted by space
  const auto assigned = uses.size();
  for (const auto& space : TRY(store.spaces().all())) {
    const auto end = uses.begin() + static_cast<std::ptrdiff_t>(assigned);
    const auto at = std::lower_bound(uses.begin(), end, space.name,
                                     [](const auto& use, const auto& name) { return use.first < name; });
    const auto owner = OwnerName::parse(space.name.str());  // one name is no owner's
    if (owner && (at == end || at->first != space.name))
      uses.emplace_back(space.name, model::MapUse{*owner, {}, 0});
  }
  std::ranges::sort(uses, {}, &std::pair<SpaceName, model::MapUse>::first);
  return uses;
}

Result<IdRegistry> IdRegistry::open(const Place& place, const model::IdSettings& settings) {
  auto lock = TRY(sys::WriterLock::take(place));
  return IdRegistry(place, std::move(lock), TRY(store::Store::open(place.store)), settings);
}

Result<IdBlock> IdRegistry::allocate(const OwnerName& owner, std::optional<std::uint32_t> first) {
  return allocate_block(place_, store_, settings_, owner, first);
}

/// No map is left of it, and no space takes it.
Status IdRegistry::check_given_up(const OwnerName& owner) {
  std::vector<std::string> maps, spaces;
  for (const auto& map : TRY(store_.ids().maps()))
    if (map.owner == owner) maps.push_back(map.name.str());
  if (!maps.empty())
    return fail(Code::failed,
                fmt::format("{} has maps ({}): `warren map rm` them first", owner.str(), list_of(maps)));
  for (const auto& [space, use] : TRY(all_uses(store_)))
    if (use.owner == owner) spaces.push_back(space.str());
  if (spaces.empty()) return {};
  return fail(
      Code::failed,
      fmt::format("the default map of {} is that of space {}: assign another map, or remove the space, "
                  "first",
                  owner.str(), list_of(spaces)));
}

Result<IdBlock> IdRegistry::free(const OwnerName& owner) {
  auto block = TRY(need_block(store_, owner));
  TRY(check_given_up(owner));
  const auto lock = TRY(sys::IdsLock::take(place_));
  TRY(check_unused(place_, block.range));
  block.quarantined = true, block.since = std::time(nullptr);
  auto transaction = TRY(store_.begin());
  TRY(store_.ids().quarantine_block(owner, block.since));
  TRY(transaction.commit());
  follow(place_, store_);
  return block;
}

Result<std::vector<IdBlock>> IdRegistry::purge(const std::vector<OwnerName>& owners) {
  std::vector<IdBlock> gone;
  for (auto& block : TRY(store_.ids().blocks()))
    if (block.quarantined && (owners.empty() || std::ranges::find(owners, block.owner) != owners.end()))
      gone.push_back(std::move(block));
  for (const auto& owner : owners)
    if (std::ranges::find(gone, owner, &IdBlock::owner) == gone.end())
      return fail(Code::not_found,
                  fmt::format("no block of {} is in quarantine; `warren id ls` lists them", owner.str()));
  TRY(mend_subids(place_, store_));  // while we know which lines are those of the blocks
  const auto lock = TRY(sys::IdsLock::take(place_));
  auto transaction = TRY(store_.begin());
  for (const auto& block : gone) {
    TRY(check_unused(place_, block.range));
    TRY(store_.ids().erase_block(block.range.first));
  }
  TRY(transaction.commit());
  follow(place_, store_);
  return gone;
}

Status IdRegistry::add_map(const IdMap& map) {
  const auto block = TRY(need_block(store_, map.owner));
  TRY(model::check(map, block.range.count));
  auto transaction = TRY(store_.begin());
  TRY(store_.ids().insert_map(map));
  return transaction.commit();
}

Status IdRegistry::remove_map(const MapName& name) {
  for (const auto& [space, use] : TRY(store_.ids().uses()))
    if (use.map == name)
      return fail(Code::failed,
                  fmt::format("map '{}' is in use by space {}: `warren map assign {} OTHER` first",
                              name.str(), space.str(), space.str()));
  if (const auto map = TRY(store_.ids().map(name)))
    TRY(check_unused(place_, *map, TRY(need_block(store_, map->owner)).range));
  return store_.ids().erase_map(name);
}

Status IdRegistry::remove_maps(const std::vector<MapName>& names) {
  auto transaction = TRY(store_.begin());
  for (const auto& name : names) TRY(remove_map(name));
  return transaction.commit();
}

Status IdRegistry::assign(const SpaceName& space, const std::optional<MapName>& map,
                          const std::optional<OwnerName>& owner) {
  const auto found = TRY(store_.spaces().find(space));
  if (!found)
    return fail(Code::not_found, fmt::format("there is no space '{}'; `warren ls` lists them", space.str()));
  auto transaction = TRY(store_.begin());
  if (map) {
    const auto wanted = TRY(store_.ids().map(*map));
    if (!wanted)
      return fail(Code::not_found,
                  fmt::format("there is no map '{}'; `warren map ls` lists them", map->str()));
    TRY(store_.ids().set_use(found->number, {wanted->owner, map, std::time(nullptr)}));
  } else if (owner) {
    (void)TRY(need_block(store_, *owner));
    TRY(store_.ids().set_use(found->number, {*owner, {}, std::time(nullptr)}));
  } else {
    TRY(store_.ids().clear_use(found->number));
  }
  return transaction.commit();
}

Result<std::vector<IdMap>> IdRegistry::split(const OwnerName& owner) {
  auto maps = TRY(model::split(owner, TRY(need_block(store_, owner)).range));
  auto transaction = TRY(store_.begin());
  for (const auto& map : maps)
    if (TRY(store_.ids().map(map.name)) != map) TRY(store_.ids().insert_map(map));
  TRY(transaction.commit());
  return maps;
}

Result<std::vector<std::string>> IdRegistry::export_subids(bool remove) {
  return write_subids(place_, store_, remove);
}

}  // namespace warren::ids
