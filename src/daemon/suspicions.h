// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/place.h"
#include "model/space.h"

namespace warren::daemon {

/// What has happened on the host that may have broken a space. It asks nobody: it is told what the spaces are
/// to have, and what has gone.
class Suspicions {
 public:
  explicit Suspicions(Place place) : place_(std::move(place)) {}

  /// The spaces that are to be whole.
  void expect(const model::Settings& settings, const std::vector<model::Space>& spaces);
  /// Those among them whose devices have DHCP clients.
  [[nodiscard]] const std::vector<model::Space>& with_clients() const { return with_clients_; }

  /// A link of the host has gone, or is down.
  void lost_link(const std::string& name);
  void lost_address(const Ip& ip);
  void lost_route(const Cidr& network);
  /// The pin of this name has gone.
  void lost_pin(const std::string& name);
  /// The DHCP client of a device in with_clients() does not run.
  void lost_client(const model::Space& space, const model::Device& device);
  /// A program, as "nft (PID 4711)", changed our table.
  void rules_changed(const std::string& by);
  /// The kernel did not keep all that it had to tell of this: anything may have gone.
  void lost_word(const std::string& of);

  [[nodiscard]] bool any() const { return !all_.empty(); }
  /// Those that still hold against the spaces that are expected now, in words; forgets all of them. What
  /// warren itself took away is expected no longer.
  [[nodiscard]] std::vector<std::string> take();

 private:
  enum class Kind { link, route, pin, rules, client, lost };
  [[nodiscard]] bool concerns(const Cidr& network) const;
  [[nodiscard]] bool is_client(const std::string& name) const;
  [[nodiscard]] bool holds(Kind kind, const std::string& name) const;

  Place place_;
  std::set<std::string> links_;             ///< host ends, of uplinks and of devices, and shims
  std::vector<model::Space> with_clients_;  ///< that have devices with DHCP
  std::set<std::string> pins_;
  std::set<Ip> addresses_;      ///< of spaces, and of the host towards them
  std::vector<Cidr> networks_;  ///< pool and ULA
  std::set<std::pair<Kind, std::string>> all_;
};

}  // namespace warren::daemon
