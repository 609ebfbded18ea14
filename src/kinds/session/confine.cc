// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/confine.h"

#include <algorithm>

#include "kinds/session/index.h"
#include "kinds/session/members.h"
#include "sys/user.h"

namespace warren::session {
Result<std::vector<Element>> confined(const std::vector<model::Space>& spaces,
                                      const model::Settings& settings) {
  std::vector<Element> all;
  if (!settings.confine) return all;
  for (const auto& space : spaces) {
    auto people = space.members;
    if (const auto own = namesake(space)) people.push_back(*own);
    for (const auto& member : people)
      for (const auto uid : TRY(uids_of(member, settings.min_uid))) {
        Element element;
        element.set = SetId::confined;
        element.uid = uid;
        all.push_back(element);
      }
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Status keep_confined(store::Store& store, std::vector<Element>& elements) {
  std::vector<Element> free;
  for (const auto& element : elements) {
    if (element.set == SetId::confined) {
      const auto user = UserName::parse(sys::user_name(element.uid));
      if (user && TRY(space_of_user(store, *user))) continue;
    }
    free.push_back(element);
  }
  elements = std::move(free);
  return {};
}

}  // namespace warren::session
