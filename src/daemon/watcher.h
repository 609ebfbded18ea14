// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/place.h"
#include "daemon/suspicions.h"
#include "host/listen.h"
#include "model/space.h"
#include "netlink/socket.h"

namespace warren::daemon {

/// Hears of what others do to links, routes and rules, and tells what of it may have broken a space. What
/// warren itself takes away is in the store no longer, so it is not suspected.
class Watcher {
 public:
  /// Error: the kernel does not let us listen.
  [[nodiscard]] static Result<Watcher> open(Place place);

  /// The spaces that are to be whole.
  void expect(const model::Settings& settings, const std::vector<model::Space>& spaces) {
    suspicions_.expect(settings, spaces);
  }

  [[nodiscard]] int route_fd() const { return route_.fd(); }
  [[nodiscard]] int netfilter_fd() const { return netfilter_.fd(); }
  void read_route();
  void read_netfilter();
  /// A pin has gone.
  void lost_pin(const std::string& name) { suspicions_.lost_pin(name); }
  /// More happened to the pins than the kernel kept word of: any name may have gone.
  void lost_names() { suspicions_.lost_word("names"); }
  /// DHCP clients send no word when they die: asked for now and then.
  void look_at_clients();

  [[nodiscard]] bool suspicious() const { return suspicions_.any(); }
  /// The suspicions that still hold against the spaces that are expected now; forgets all of them.
  [[nodiscard]] std::vector<std::string> take() { return suspicions_.take(); }

 private:
  Watcher(Place place, netlink::Socket route, netlink::Socket netfilter)
      : place_(place),
        route_(std::move(route)),
        netfilter_(std::move(netfilter)),
        suspicions_(std::move(place)) {}
  void route_event(const netlink::MessageView& message);

  Place place_;
  netlink::Socket route_;
  netlink::Socket netfilter_;
  host::RulesListener rules_;
  Suspicions suspicions_;
};

}  // namespace warren::daemon
