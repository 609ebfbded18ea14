// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/handover.h"
#include "daemon/resolver.h"
#include "daemon/sockets.h"
#include "model/service.h"
#include "model/space.h"
#include "proxy/loop.h"

namespace warren::daemon {

/// What the store wants of the proxy.
struct Wishes {
  model::Settings settings;
  std::vector<model::Space> spaces;
  std::vector<model::Service> services;
};

/// A listener that stands, and its counters.
struct Standing {
  Endpoint place;
  ServiceName service;
  proxy::Counters counters;
};

/// Which listeners there are: brings them from what stands to what is wanted, and touches nothing else.
class Roster {
 public:
  /// What a listener is for, and what it tells the target.
  struct Wanted {
    ServiceName service;
    proxy::Header header = proxy::Header::none;
    Ip source;
    bool operator==(const Wanted&) const = default;
  };
  using Plan = std::map<Endpoint, Wanted>;
  /// The listeners that are wanted: of each service by proxy in each space that is up and has it, one a
  /// family.
  [[nodiscard]] static Plan plan(const Wishes& wishes);

  /// `loop` runs on a thread of its own already.
  Roster(Place place, proxy::Loop& loop, Resolver& resolver)
      : place_(std::move(place)), loop_(loop), resolver_(resolver) {}

  /// Listeners that were handed over: taken when they are wanted, else closed with the next sync().
  void inherit(std::vector<Opened> listeners);
  void sync(const Wishes& wishes);
  /// The host name of some target has been looked up.
  void resolved(const Resolver::Answer& answer);
  /// True: a namespace has gone, or is another one under the same name.
  [[nodiscard]] bool stale() const;
  /// True: some place that is wanted does not listen yet.
  [[nodiscard]] bool incomplete() const { return incomplete_; }
  /// Why places that are wanted do not listen.
  [[nodiscard]] const std::map<Endpoint, std::string>& failures() const { return failed_; }

  [[nodiscard]] std::vector<Standing> standing() const;
  [[nodiscard]] const std::map<ServiceName, model::Service>& services() const { return services_; }
  [[nodiscard]] std::vector<proxy::Address> addresses(const model::Target& target) const;
  [[nodiscard]] std::vector<Handed> for_handover() const;
  [[nodiscard]] std::size_t size() const { return listeners_.size(); }

 private:
  struct Held {
    proxy::ListenerId id{};
    int fd = -1;
    Wanted what;
  };
  struct Space {
    proxy::SpaceId id{};
    sys::NetnsId netns;
  };
  void sync_targets(const Wishes& wishes);
  void drop_targets();
  void drop_spaces(const Plan& plan);
  void drop_places(const Plan& plan);
  void open_missing(const Plan& plan);
  [[nodiscard]] std::vector<NotOpened> take(std::vector<Opened> opened, const Plan& plan);
  void tell_failures(const std::vector<NotOpened>& failed);

  Place place_;
  proxy::Loop& loop_;
  Resolver& resolver_;
  std::map<Endpoint, Held> listeners_;
  std::map<SpaceName, Space> spaces_;
  std::map<ServiceName, model::Service> services_;  ///< those by proxy
  std::map<ServiceName, proxy::TargetId> targets_;
  std::map<std::string, std::vector<Ip>> hosts_;
  std::map<Endpoint, std::string> failed_;
  std::vector<Opened> inherited_;
  bool incomplete_ = false;
};

/// Runs `f` between two events of the loop and waits for it.
void on_loop(proxy::Loop& loop, const std::function<void()>& f);

}  // namespace warren::daemon
