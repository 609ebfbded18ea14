// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "engine/engine.h"
#include "sys/user.h"

namespace warren::engine {

using model::Member;

Status Engine::sync_sessions(const std::vector<model::SpaceFailure>& failures) {
  std::vector<SpaceName> broken;
  for (const auto& failure : failures) broken.push_back(failure.name);
  return sessions().sync(TRY(store_.load_all()), broken);
}

Status Engine::commit_held(store::Transaction transaction) {
  auto done = transaction.commit();
  if (done) return done;
  {
    const auto undone = std::move(transaction);  // rolls back, so that the store says again what it said
  }
  TRY(sync_sessions({}));
  return done;
}

Status Engine::settle_sessions(const std::vector<model::Space>& spaces,
                               const std::vector<model::SpaceFailure>& failures) {
  // The first of all, or the first since the machine came up.
  if (!session::SessionIndex::is_ready()) return sync_sessions(failures);
  for (const auto& space : spaces)
    if (std::ranges::find(failures, space.name, &model::SpaceFailure::name) == failures.end())
      TRY(sessions().settle(space));
  return {};
}

Status Engine::add_members(const SpaceName& name, const std::vector<Member>& members) {
  const auto space = TRY(find(name));
  auto transaction = TRY(store_.begin());
  for (const auto& member : members) TRY(store_.add_member(space.number, member));
  TRY(transaction.commit());
  for (const auto& member : members) TRY(sessions().put(member, space));
  return change_table(*TRY(facts()), {}, TRY(confined(members)));
}

Status Engine::remove_members(const SpaceName& name, const std::vector<Member>& members) {
  const auto space = TRY(find(name));
  auto transaction = TRY(store_.begin());
  for (const auto& member : members) TRY(store_.remove_member(space.number, member));
  TRY(transaction.commit());
  for (const auto& member : members) TRY(sessions().remove(member));
  return release(TRY(confined(members)));
}

/// Where he himself is a member, or one of his groups, or the space that is called as he is: in this order,
/// as pam_warren looks too.
Result<std::optional<SpaceName>> Engine::space_of_user(const UserName& user) {
  if (auto space = TRY(store_.space_of({Member::Kind::user, user}))) return space;
  for (const auto& group : TRY(sys::groups_of(user)))
    if (auto space = TRY(store_.space_of({Member::Kind::group, group}))) return space;
  const auto own = SpaceName::parse(user.str());
  if (own && TRY(store_.find(*own))) return *own;
  return std::nullopt;
}

Result<std::optional<SpaceName>> Engine::up_for(const std::string& login, bool create) {
  const auto user = UserName::parse(login);  // a directory's users may have names that no member can
  auto space = user ? TRY(space_of_user(*user)) : std::optional<SpaceName>();
  if (!space && create) {
    SpaceRequest request;
    request.name = TRY(SpaceName::parse(login));
    space = TRY(add(request)).name;
  } else if (space && !TRY(sessions().leads_to(TRY(find(*space))))) {
    if (TRY(find(*space)).state == model::State::removing)
      return fail(Code::failed, fmt::format("space {} is being removed", space->str()));
    const auto report = TRY(up({*space}));
    for (const auto& failure : report.failures)
      if (failure.name == *space) return std::unexpected(failure.error);
  }
  // He who has none must be known to have none, or each of his logins asks again.
  if (!space || !session::SessionIndex::is_ready()) TRY(sync_sessions({}));
  return space;
}

}  // namespace warren::engine
