// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/listen.h"
#include "model/space.h"
#include "netlink/socket.h"

namespace warren::daemon {

/// Hears of what others do to links, routes and rules, and tells what of it may have broken a space. What
/// warren itself takes away is in the store no longer, so it is not suspected.
class Watcher {
 public:
  [[nodiscard]] static Result<Watcher> open();

  /// The spaces that are to be whole.
  void expect(const model::Settings& settings, const std::vector<model::Space>& spaces);

  [[nodiscard]] int route_fd() const { return route_.fd(); }
  [[nodiscard]] int netfilter_fd() const { return netfilter_.fd(); }
  void read_route();
  void read_netfilter();
  /// A name under /run/netns has gone.
  void lost_pin(const std::string& name);
  /// More happened under /run/netns than the kernel kept word of: any name may have gone.
  void lost_names();
  /// DHCP clients send no word when they die: asked for now and then.
  void look_at_clients();

  [[nodiscard]] bool suspicious() const { return !suspicions_.empty(); }
  /// What of the suspicions still holds against the spaces that are expected now; forgets them.
  [[nodiscard]] std::vector<std::string> take();

 private:
  enum class Kind { link, route, pin, rules, client, lost };
  Watcher(netlink::Socket route, netlink::Socket netfilter)
      : route_(std::move(route)), netfilter_(std::move(netfilter)) {}
  void link_event(const netlink::MessageView& message);
  void route_event(const netlink::MessageView& message);
  [[nodiscard]] bool concerns(const Cidr& network) const;
  [[nodiscard]] bool holds(Kind kind, const std::string& name) const;

  netlink::Socket route_;
  netlink::Socket netfilter_;
  std::set<std::string> links_;             ///< host ends, of uplinks and of devices, and shims
  std::vector<model::Space> with_clients_;  ///< that have devices with DHCP
  std::set<std::string> pins_;
  std::set<Ip> addresses_;      ///< of spaces, and of the host towards them
  std::vector<Cidr> networks_;  ///< pool and ULA
  std::set<std::pair<Kind, std::string>> suspicions_;
  host::RulesListener rules_;
};

}  // namespace warren::daemon
