// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// For the .cc files of this folder.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>

#include "proxy/deadlines.h"

namespace warren::proxy {

/// A connection as it was: a number that has gone to another meanwhile does not match.
struct Reference {
  std::uint32_t index = kNone;
  std::uint32_t generation = 0;
};

/// Connections that wait until a Unix socket has room in its queue, of which the kernel does not tell: by
/// target, in the order in which they came. However many wait, one is tried at a time, and the less often the
/// longer the queue stays full. Those that end meanwhile need not be taken out.
class WaitingRoom {
 public:
  void add(std::uint32_t target, Reference connection, Instant now) {
    auto& line = lines_[target];
    if (line.connections.empty()) line.next_try = now + line.pause;
    line.connections.push_back(connection);
  }
  [[nodiscard]] bool anyone(std::uint32_t target) const { return lines_.contains(target); }

  /// Calls go_in(connection) for those whose turn it is: of each line that is due the first, and while that
  /// gives true, as it does for one who is gone, the next.
  template <class GoIn>
  void admit(Instant now, GoIn go_in) {
    for (auto at = lines_.begin(); at != lines_.end();) {
      auto& line = at->second;
      if (line.next_try <= now) try_line(line, now, go_in);
      at = line.connections.empty() ? lines_.erase(at) : std::next(at);
    }
  }
  /// The earlier of `limit` and the next try.
  [[nodiscard]] Instant earliest(Instant limit) const {
    for (const auto& [target, line] : lines_) limit = std::min(limit, line.next_try);
    return limit;
  }

 private:
  static constexpr Instant kFirstPause = 10;
  static constexpr Instant kLongestPause = 160;
  struct Line {
    std::deque<Reference> connections;
    Instant next_try = 0;
    Instant pause = kFirstPause;
  };
  template <class GoIn>
  static void try_line(Line& line, Instant now, GoIn& go_in) {
    line.pause = std::min(2 * line.pause, kLongestPause);
    while (!line.connections.empty() && go_in(line.connections.front())) {
      line.connections.pop_front();
      line.pause = kFirstPause;
    }
    line.next_try = now + line.pause;
  }

  std::map<std::uint32_t, Line> lines_;
};

}  // namespace warren::proxy
