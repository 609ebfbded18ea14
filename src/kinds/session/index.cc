// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/index.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "store/members.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/user.h"

namespace warren::session {
namespace {

using model::Member;
using model::Space;
using model::State;

constexpr std::array kKinds{"u", "g", "d"};

std::string in_index(const Place& place, std::string_view name) {
  return fmt::format("{}/sessions/{}", place.run, name);
}

std::string key(const Member& member) {
  return fmt::format("{}/{}", member.kind == Member::Kind::user ? 'u' : 'g', member.name.str());
}

std::string default_key(const Member& namesake) { return "d/" + namesake.name.str(); }

constexpr std::string_view kMinUid = "min_uid";

std::string unready(const Place& place) { return in_index(place, "unready"); }

std::string target_of(const Place& place, const Space& space) {
  return space.state == State::up ? place.pin(space.name.str()) : unready(place);
}

Status prepare(const Place& place) {
  for (const auto* name : kKinds) TRY(sys::make_directories(in_index(place, name)));
  return sys::pin_host(host_netns(place));
}

/// Under another name first, which no member can have, so that the link is never missing.
Status put_link(const Place& place, const std::string& entry, const std::string& target) {
  const auto path = in_index(place, entry);
  const auto slash = path.rfind('/') + 1;
  const auto fresh = path.substr(0, slash) + "#" + path.substr(slash);
  ::unlink(fresh.c_str());
  bool made = ::symlink(target.c_str(), fresh.c_str()) == 0;
  if (!made && errno == ENOENT) {
    TRY(prepare(place));
    made = ::symlink(target.c_str(), fresh.c_str()) == 0;
  }
  if (made && ::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const auto error = errno;
  ::unlink(fresh.c_str());
  return fail_errno(error, "make " + path);
}

Status drop_link(const Place& place, const std::string& entry) {
  const auto path = in_index(place, entry);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, "remove " + path);
}

std::string read_link(const std::string& path) {
  std::array<char, 256> target{};
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

std::map<std::string, std::string> standing(const Place& place) {
  std::map<std::string, std::string> links;
  for (const auto* kind : kKinds) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(in_index(place, kind).c_str()), ::closedir);
    while (const auto* entry = dir ? ::readdir(dir.get()) : nullptr) {
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      const auto link = fmt::format("{}/{}", kind, name);
      links[link] = read_link(in_index(place, link));
    }
  }
  return links;
}

}  // namespace

std::optional<Member> namesake(const Space& space) {
  const auto user = UserName::parse(space.name.str());
  if (!user) return std::nullopt;
  return Member{Member::Kind::user, *user};
}

Result<std::vector<uid_t>> uids_of(const Member& member, uid_t least) {
  std::vector<uid_t> uids;
  if (member.kind == Member::Kind::group)
    uids = TRY(sys::members_of_group(member.name));
  else if (const auto uid = TRY(sys::uid_of(member.name)))
    uids.push_back(*uid);
  std::erase_if(uids, [&](const auto uid) { return uid < least; });
  return uids;
}

bool SessionIndex::is_ready() const { return ::access(in_index(place_, "ready").c_str(), F_OK) == 0; }

Result<std::vector<std::string>> SessionIndex::entries(const Space& space) {
  std::vector<std::string> all;
  for (const auto& member : TRY(store_.members().of(space.number))) all.push_back(key(member));
  if (const auto own = namesake(space)) all.push_back(default_key(*own));
  return all;
}

Status SessionIndex::point(const Space& space, const std::string& target) {
  for (const auto& entry : TRY(entries(space))) TRY(put_link(place_, entry, target));
  return {};
}

Status SessionIndex::hold(const Space& space) { return point(space, unready(place_)); }

Status SessionIndex::settle(const Space& space) { return point(space, target_of(place_, space)); }

Result<bool> SessionIndex::leads_to(const Space& space) {
  const auto pin = place_.pin(space.name.str());
  for (const auto& entry : TRY(entries(space)))
    if (read_link(in_index(place_, entry)) != pin) return false;
  return sys::open_netns(pin).has_value();
}

Status SessionIndex::withdraw(const Space& space) {
  for (const auto& entry : TRY(entries(space))) TRY(drop_link(place_, entry));
  return {};
}

Status SessionIndex::put(const Member& member, const Space& space) {
  return put_link(place_, key(member), target_of(place_, space));
}

Status SessionIndex::remove(const Member& member) { return drop_link(place_, key(member)); }

Result<SessionIndex::Links> SessionIndex::wanted(const std::vector<Space>& spaces,
                                                 const std::vector<SpaceName>& broken) {
  Links links;
  std::map<SpaceName, std::string> targets;
  for (const auto& space : spaces) {
    const bool whole = std::ranges::find(broken, space.name) == broken.end();
    targets[space.name] = whole ? target_of(place_, space) : unready(place_);
    if (const auto own = namesake(space)) links[default_key(*own)] = targets[space.name];
  }
  for (const auto& [member, space] : TRY(store_.members().all())) links[key(member)] = targets[space];
  return links;
}

Status SessionIndex::sync(const std::vector<Space>& spaces, const std::vector<SpaceName>& broken) {
  const auto links = TRY(wanted(spaces, broken));
  TRY(prepare(place_));
  const auto now = standing(place_);
  for (const auto& [entry, target] : now)
    if (!links.contains(entry)) TRY(drop_link(place_, entry));
  for (const auto& [entry, target] : links)
    if (const auto stands = now.find(entry); stands == now.end() || stands->second != target)
      TRY(put_link(place_, entry, target));
  if (const auto least = std::to_string(min_uid_); read_link(in_index(place_, kMinUid)) != least)
    TRY(put_link(place_, std::string(kMinUid), least));
  TRY(sys::open_file(in_index(place_, "ready"), O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  return {};
}

Result<std::vector<std::string>> SessionIndex::faults(const std::vector<Space>& spaces) {
  std::vector<std::string> found;
  const auto links = TRY(wanted(spaces, {}));
  if (links.empty() && !is_ready()) return found;
  if (!is_ready())
    found.emplace_back("sessions: logins do not know yet where to go");
  else if (!sys::is_own_netns(in_index(place_, "host")))
    found.push_back("sessions: " + in_index(place_, "host") + " is not the host's namespace");
  if (is_ready() && read_link(in_index(place_, kMinUid)) != std::to_string(min_uid_))
    found.push_back(fmt::format("sessions: {} does not say {}", in_index(place_, kMinUid), min_uid_));
  const auto now = standing(place_);
  for (const auto& [entry, target] : now)
    if (!links.contains(entry)) found.push_back(fmt::format("sessions: {} has no space any more", entry));
  if (!is_ready()) return found;
  for (const auto& [entry, target] : links)
    if (const auto stands = now.find(entry); stands == now.end() || stands->second != target)
      found.push_back(fmt::format("sessions: {} does not lead to {}", entry, target));
  return found;
}

}  // namespace warren::session
