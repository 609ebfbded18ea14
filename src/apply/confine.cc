// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "apply/engine.h"
#include "store/members.h"
#include "sys/user.h"

namespace warren::apply {
namespace {

using model::Member;

constexpr uid_t kFirstUser = 1000;  // as pam_warren's min_uid: who is below is never placed

std::vector<uid_t> uids_of(const Member& member) {
  if (member.kind == Member::Kind::group) return sys::members_of_group(member.name);
  const auto uid = sys::uid_of(member.name);
  return uid ? std::vector{*uid} : std::vector<uid_t>{};
}

}  // namespace

std::vector<Element> Engine::confined(const std::vector<Member>& members) const {
  std::vector<Element> all;
  if (!settings_.confine) return all;
  for (const auto& member : members)
    for (const auto uid : uids_of(member)) {
      if (uid < kFirstUser) continue;
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
  auto people = TRY(store_.members().of(space.number));
  if (const auto own = namesake(space)) people.push_back(*own);
  return confined(people);
}

}  // namespace warren::apply
