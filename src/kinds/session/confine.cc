// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/confine.h"

#include <algorithm>

#include "kinds/session/index.h"
#include "kinds/session/members.h"
#include "sys/user.h"

namespace warren::session {
namespace {

using model::Member;

constexpr uid_t kFirstUser = 1000;  // as pam_warren's min_uid: who is below is never placed

std::vector<uid_t> uids_of(const Member& member) {
  if (member.kind == Member::Kind::group) return sys::members_of_group(member.name);
  const auto uid = sys::uid_of(member.name);
  return uid ? std::vector{*uid} : std::vector<uid_t>{};
}

}  // namespace

std::vector<Element> confined(const std::vector<model::Space>& spaces, const model::Settings& settings) {
  std::vector<Element> all;
  if (!settings.confine) return all;
  for (const auto& space : spaces) {
    auto people = space.members;
    if (const auto own = namesake(space)) people.push_back(*own);
    for (const auto& member : people)
      for (const auto uid : uids_of(member)) {
        if (uid < kFirstUser) continue;
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
