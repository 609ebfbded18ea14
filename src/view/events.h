// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/place.h"
#include "base/unique_fd.h"
#include "host/listen.h"
#include "model/space.h"
#include "netlink/socket.h"
#include "store/store.h"
#include "types/names.h"

namespace warren::view {

/// Something that happened to the spaces.
struct Event {
  std::string event;  ///< "space-added", "forward-removed", "link-gone", "ruleset-changed", ...
  std::string space;  ///< empty where it concerns none
  std::string detail;
  [[nodiscard]] Json json() const;
  [[nodiscard]] std::string line() const;
};

/// Tells what changes, from three sources: the store, the kernel's link notifications, and those of nftables.
/// Nobody has to report anything to it, so it misses nothing that others do behind warren's back.
class Watch {
 public:
  using Tell = std::function<void(const Event&)>;

  /// Error: the store or the kernel cannot be read or listened to.
  [[nodiscard]] static Result<Watch> open(const Place& place, store::Store store, model::Settings settings);
  /// Waits for the next change and tells it. Returns with an error only.
  [[nodiscard]] Status run(const Tell& tell);

 private:
  Watch(Place place, store::Store store, model::Settings settings, netlink::Socket route,
        netlink::Socket netfilter, UniqueFd files)
      : place_(std::move(place)),
        store_(std::move(store)),
        settings_(std::move(settings)),
        route_(std::move(route)),
        netfilter_(std::move(netfilter)),
        files_(std::move(files)) {}
  [[nodiscard]] Status read_store(const Tell& tell);
  [[nodiscard]] Status read_links(const Tell& tell);
  [[nodiscard]] Status read_ruleset(const Tell& tell);
  [[nodiscard]] Status remember();

  Place place_;
  store::Store store_;
  model::Settings settings_;
  netlink::Socket route_;
  netlink::Socket netfilter_;
  host::RulesListener rules_;
  UniqueFd files_;  ///< inotify on the directories of the store and of the lock
  std::map<SpaceName, model::Space> known_;
  std::set<std::string> up_;  ///< host ends that were seen up
};

}  // namespace warren::view
