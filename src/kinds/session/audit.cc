// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/audit.h"

#include <algorithm>
#include <map>

#include "kinds/session/index.h"
#include "store/members.h"
#include "store/spaces.h"
#include "sys/process.h"

namespace warren::session {
namespace {

using model::Member;

/// As a login looks: by himself, by his groups, by his name.
Result<std::map<uid_t, SpaceName>> belongings(store::Store& store, const std::vector<model::Space>& spaces,
                                              uid_t min_uid) {
  const auto members = TRY(store.members().all());
  std::vector<std::pair<Member, SpaceName>> namesakes;
  for (const auto& space : spaces)
    if (const auto own = namesake(space)) namesakes.emplace_back(*own, space.name);
  std::map<uid_t, SpaceName> all;
  const auto take = [&](const auto& some, Member::Kind kind) -> Status {
    for (const auto& [member, space] : some)
      if (member.kind == kind)
        for (const auto uid : TRY(uids_of(member, min_uid))) all.try_emplace(uid, space);
    return {};
  };
  TRY(take(members, Member::Kind::user));
  TRY(take(members, Member::Kind::group));
  TRY(take(namesakes, Member::Kind::user));
  return all;
}

std::map<SpaceName, sys::NetnsId> namespaces(const Place& place, const std::vector<model::Space>& spaces) {
  std::map<SpaceName, sys::NetnsId> all;
  for (const auto& space : spaces)
    if (const auto id = sys::netns_id(place.pin(space.name.str()))) all[space.name] = *id;
  return all;
}

std::string place_of(const sys::NetnsId& netns, const std::map<SpaceName, sys::NetnsId>& pinned) {
  for (const auto& [name, id] : pinned)
    if (id == netns) return "space " + name.str();
  const auto host = sys::netns_id("/proc/thread-self/ns/net");
  return host && *host == netns ? "the host" : "another namespace";
}

}  // namespace

Result<std::vector<Stray>> find_strays(const Place& place, store::Store& store, uid_t min_uid) {
  const auto spaces = TRY(store.spaces().all());
  const auto homes = TRY(belongings(store, spaces, min_uid));
  const auto pinned = namespaces(place, spaces);
  std::vector<Stray> strays;
  for (const auto& process : TRY(sys::processes())) {
    const auto uid = sys::user_of(process.pid);
    const auto home = uid ? homes.find(*uid) : homes.end();
    if (home == homes.end()) continue;
    const auto at = pinned.find(home->second);
    if (at != pinned.end() && at->second == process.netns) continue;
    strays.push_back({process.pid, *uid, home->second, place_of(process.netns, pinned),
                      sys::command_of(process.pid), sys::unit_of(process.pid)});
  }
  return strays;
}

}  // namespace warren::session
