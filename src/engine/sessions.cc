// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "engine/self.h"
#include "engine/spaces.h"
#include "kinds/session/members.h"
#include "model/derive.h"
#include "store/spaces.h"

namespace warren::engine {

using model::Member;
using model::SpaceFailure;

Status Engine::Self::hold_sessions(const Moves& moves) {
  for (const auto* spaces : {&moves.rising, &moves.falling})
    for (const auto& space : *spaces) TRY(sessions().hold(space));
  return {};
}

Status Engine::Self::sync_sessions(const std::vector<SpaceFailure>& failures) {
  std::vector<SpaceName> broken;
  for (const auto& failure : failures) broken.push_back(failure.name);
  return sessions().sync(TRY(store_.spaces().all()), broken);
}

Status Engine::Self::settle_sessions(const std::vector<model::Space>& spaces,
                                     const std::vector<SpaceFailure>& failures) {
  // The first of all, or the first since the machine came up.
  if (!sessions().is_ready()) return sync_sessions(failures);
  for (const auto& space : spaces)
    if (!model::has_failed(failures, space.name) && TRY(store_.spaces().find(space.number)))
      TRY(sessions().settle(space));
  return {};
}

/// Who leaves one space may come into another: what goes, goes first.
Status Engine::Self::change_member_links(const Change& change) {
  const auto members_of = [](const model::Desired& desired, const model::Space& like) {
    const auto found = std::ranges::find(desired.spaces, like.number, &model::Space::number);
    return found == desired.spaces.end() ? std::vector<Member>() : found->members;
  };
  for (const auto& space : change.before.spaces)
    for (const auto& member : space.members)
      if (!std::ranges::binary_search(members_of(change.after, space), member))
        TRY(sessions().remove(member));
  for (const auto& space : change.after.spaces)
    for (const auto& member : space.members)
      if (!std::ranges::binary_search(members_of(change.before, space), member))
        TRY(sessions().put(member, space));
  return {};
}

Result<std::optional<SpaceName>> Engine::Self::up_for(const std::string& login, bool create) {
  const auto user = UserName::parse(login);  // a directory's users may have names that no member can
  auto name = user ? TRY(session::space_of_user(store_, *user)) : std::optional<SpaceName>();
  const auto space = name ? TRY(store_.spaces().find(*name)) : std::optional<model::Space>();
  if (!space && create) {
    SpaceRequest request;
    request.name = TRY(SpaceName::parse(login));
    TRY(run(add_space(request), {}));
    name = request.name;
  } else if (space && !TRY(sessions().leads_to(*space))) {
    if (space->state == model::State::removing)
      return fail(Code::failed, fmt::format("space {} is being removed", name->str()));
    const auto report = TRY(up({*name}, {}));
    for (const auto& failure : report.failures)
      if (failure.name == *name) return std::unexpected(failure.error);
  }
  // He who has none must be known to have none, or each of his logins asks again.
  if (!name || !sessions().is_ready()) TRY(sync_sessions({}));
  return name;
}

}  // namespace warren::engine
