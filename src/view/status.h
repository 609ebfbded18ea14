// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "host/kernel.h"
#include "model/derive.h"
#include "model/space.h"

namespace warren::view {

/// A forward and the connections that it took since it was put in place.
struct ForwardStatus {
  model::Forward forward;
  std::uint64_t connections = 0;
};

/// Packets that were refused, and why.
struct RefusedCounts {
  std::uint64_t spoofed = 0;  ///< from the space: under an address not its own, or for the host's loopback
  std::uint64_t denied_host = 0;  ///< from the space, for a service of the host that it may not use
  std::uint64_t unpublished = 0;  ///< for the space, but through no forward
  std::uint64_t over_limit = 0;   ///< beyond its share of tracked connections
};

/// A space as it stands.
struct SpaceStatus {
  model::Space space;
  model::Wiring wiring;
  bool pinned = false;                                     ///< its namespace is at /run/netns
  bool link_up = false;                                    ///< the host end of its link is up
  std::uint64_t received_bytes = 0, received_packets = 0;  ///< by the space
  std::uint64_t sent_bytes = 0, sent_packets = 0;
  std::vector<ForwardStatus> forwards;
  RefusedCounts refused;

  /// "up", "down", "removing", or "broken": wanted up, but not there.
  [[nodiscard]] std::string_view state() const;
};

/// The spaces as they stand. For a few it costs the same however many others there are. Error: the kernel
/// cannot be asked.
[[nodiscard]] Result<std::vector<SpaceStatus>> read_status(host::Kernel& kernel,
                                                           const model::Settings& settings,
                                                           std::vector<model::Space> spaces);

}  // namespace warren::view
