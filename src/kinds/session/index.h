// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/place.h"
#include "model/service.h"
#include "model/space.h"
#include "store/store.h"

namespace warren::session {

/// The user of the space's own name, to whom it belongs by default. Not every space name can be a user's.
[[nodiscard]] std::optional<model::Member> namesake(const model::Space& space);

/// The UIDs, from `least` on, that belong to a member: his own, or those of a group's. None where there is no
/// such user or group. Error: they could not be looked up.
[[nodiscard]] Result<std::vector<uid_t>> uids_of(const model::Member& member, uid_t least);

/// Where the host's own namespace is pinned before the first session lands.
[[nodiscard]] inline std::string host_netns(const Place& place) { return place.in_run("sessions/host"); }

/// Where sessions land: links that pam_warren(8) follows with one open(2), since a login must not wait for a
/// database.
///
///     /run/warren/sessions/u/USER    -> /run/netns/SPACE
///     /run/warren/sessions/g/GROUP   -> /run/netns/SPACE
///     /run/warren/sessions/d/SPACE   -> /run/netns/SPACE, for the user of that name who is no member of any
///     /run/warren/sessions/unready   what a link points at, and never is, while its space is not whole
///     /run/warren/sessions/min_uid   a link that leads nowhere: its target is the lowest UID that is placed
///     /run/warren/sessions/ready     the links are all there are; who has none has no space
///     /run/warren/sessions/host      the host's own namespace
class SessionIndex {
 public:
  /// `min_uid` is that of the settings.
  SessionIndex(Place place, store::Store& store, uid_t min_uid)
      : place_(std::move(place)), store_(store), min_uid_(min_uid) {}

  /// Before anything becomes of the space: nobody is placed in what is not whole, nor passes it by.
  [[nodiscard]] Status hold(const model::Space& space);
  /// The space is whole.
  [[nodiscard]] Status settle(const model::Space& space);
  /// Do all its links lead into its namespace? Another login may have waited for the same, and gone first.
  [[nodiscard]] Result<bool> leads_to(const model::Space& space);
  /// The space is gone from the store, which `space` still describes.
  [[nodiscard]] Status withdraw(const model::Space& space);
  /// One member comes or goes.
  [[nodiscard]] Status put(const model::Member& member, const model::Space& space);
  [[nodiscard]] Status remove(const model::Member& member);

  /// Makes all links what the store says; those of the spaces in `broken` lead nowhere yet.
  [[nodiscard]] Status sync(const std::vector<model::Space>& spaces, const std::vector<SpaceName>& broken);
  /// What sync() would change, a line each.
  [[nodiscard]] Result<std::vector<std::string>> faults(const std::vector<model::Space>& spaces);
  [[nodiscard]] bool is_ready() const;

 private:
  using Links = std::map<std::string, std::string>;  // "u/alice" -> target
  [[nodiscard]] Result<Links> wanted(const std::vector<model::Space>& spaces,
                                     const std::vector<SpaceName>& broken);
  [[nodiscard]] Status point(const model::Space& space, const std::string& target);
  [[nodiscard]] Result<std::vector<std::string>> entries(const model::Space& space);

  Place place_;
  store::Store& store_;
  uid_t min_uid_;
};

}  // namespace warren::session
