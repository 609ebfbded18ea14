// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "engine/engine.h"
#include "kinds/session/index.h"

namespace warren::engine {

Result<std::vector<Element>> Engine::confined(const std::vector<model::Member>& members) const {
  std::vector<Element> all;
  if (!settings_.confine) return all;
  for (const auto& member : members)
    for (const auto uid : TRY(session::uids_of(member, settings_.min_uid))) {
      Element element;
      element.set = SetId::confined;
      element.uid = uid;
      all.push_back(element);
    }
  return all;
}

Status Engine::release(std::vector<Element> gone) {
  if (gone.empty()) return {};
  const auto stay = TRY(desired()).confined;
  std::erase_if(gone, [&](const auto& element) { return std::ranges::find(stay, element) != stay.end(); });
  std::ranges::sort(gone);
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  return change_table(*TRY(facts()), gone, {});
}

Result<std::vector<Element>> Engine::confined(const model::Space& space) {
  if (!settings_.confine) return std::vector<Element>{};
  auto people = TRY(store_.members_of(space.number));
  if (const auto own = session::namesake(space)) people.push_back(*own);
  return confined(people);
}

}  // namespace warren::engine
