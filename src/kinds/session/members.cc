// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/members.h"

#include <algorithm>
#include <fmt/format.h>

#include "store/members.h"
#include "store/spaces.h"
#include "sys/user.h"

namespace warren::session {
namespace {

using kinds::Ask;
using kinds::Operation;
using model::Desired;
using model::Member;

Status add_to(model::Space& space, const std::vector<Member>& members, Ask& ask) {
  for (const auto& member : members) {
    if (const auto other = TRY(ask.store.members().space_of(member)))
      return fail(Code::exists,
                  fmt::format("{} is a member of space {} already", member.str(), other->str()));
    if (std::ranges::find(space.members, member) == space.members.end()) space.members.push_back(member);
  }
  std::ranges::sort(space.members);
  return {};
}

Status remove_from(model::Space& space, const std::vector<Member>& members) {
  for (const auto& member : members)
    if (std::erase(space.members, member) == 0)
      return fail(Code::not_found, fmt::format("{} is no member of it", member.str()));
  return {};
}

}  // namespace

Operation add_members(const SpaceName& space, std::vector<Member> members) {
  return {{space}, false, [space, members = std::move(members)](Desired& desired, Ask& ask) -> Status {
            return add_to(*TRY(kinds::find(desired, space)), members, ask);
          }};
}

Operation remove_members(const SpaceName& space, std::vector<Member> members) {
  return {{space}, false, [space, members = std::move(members)](Desired& desired, Ask&) -> Status {
            return remove_from(*TRY(kinds::find(desired, space)), members);
          }};
}

Result<std::optional<SpaceName>> space_of_user(store::Store& store, const UserName& user) {
  if (auto space = TRY(store.members().space_of({Member::Kind::user, user}))) return space;
  for (const auto& group : TRY(sys::groups_of(user)))
    if (auto space = TRY(store.members().space_of({Member::Kind::group, group}))) return space;
  const auto own = SpaceName::parse(user.str());
  if (own && TRY(store.spaces().find(*own))) return *own;
  return std::nullopt;
}

}  // namespace warren::session
