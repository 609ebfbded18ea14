// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// What the parts of the loop share. For the .cc files of this folder.

#include <string>
#include <vector>

#include "proxy/deadlines.h"
#include "proxy/loop.h"
#include "proxy/poller.h"
#include "proxy/slab.h"

namespace warren::proxy {

struct SpaceEntry {
  std::string name;
  std::uint32_t open = 0;  ///< connections and UDP flows
};

struct TargetEntry {
  std::vector<Address> addresses;
};

struct Listener {
  UniqueFd fd;
  std::uint32_t space = kNone;
  std::uint32_t target = kNone;
  Ip source;
  Port port = 0;
  Proto proto = Proto::tcp;
  Header header = Header::none;
  bool paused = false;
  Counters counters;
};

struct Core {
  Core(const Limits& limits_in, Poller poller_in) : limits(limits_in), poller(std::move(poller_in)) {}

  /// Stops listening for a while: no descriptors are left, and the clients can wait in the queue.
  void pause(std::uint32_t listener);
  void resume_paused();
  void watch(std::uint32_t listener, std::uint32_t events);
  /// For good. `close`: whoever else holds the TCP listeners cannot accept from them either.
  void stop_accepting(bool close);
  /// Another connection or flow of a space; false, counted: it has its share already.
  [[nodiscard]] bool admit(std::uint32_t listener);
  void leave(std::uint32_t listener);
  [[nodiscard]] const std::vector<Address>& addresses(const Listener& listener) const {
    return targets[listener.target].addresses;
  }

  Limits limits;
  Poller poller;
  Slab<SpaceEntry> spaces;
  Slab<TargetEntry> targets;
  Slab<Listener> listeners;
  Counters retired;  ///< of listeners that are gone
  Instant now = 0;
  Instant resume_at = 0;
  std::vector<std::uint32_t> paused;
  std::uint64_t pauses = 0;
};

/// Bounds the buffers of a TCP socket whose both ends are on this host; what a listener accepts inherits it.
/// Nothing is gained there by what TCP makes of them in time, six megabytes: the pages have left the
/// processor's cache when their turn comes, and a bulk transfer costs a third more.
void bound_buffers(int fd);

/// Closes so that the peer sees a reset: the end was not an orderly one.
void close_with_reset(UniqueFd fd);

}  // namespace warren::proxy
