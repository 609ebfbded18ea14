// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "proxy/slab.h"

namespace warren::proxy {

/// Milliseconds on the monotonic clock.
using Instant = std::int64_t;

class DeadlineQueue;

/// The place of an object in one queue of deadlines. A member `timer` of what a Slab holds.
struct Timer {
  DeadlineQueue* queue = nullptr;
  Instant deadline = 0;
  std::uint32_t previous = kNone;
  std::uint32_t next = kNone;
};

/// Objects that wait equally long: a list in the order of their deadlines, so that arming, moving and
/// disarming one are a few assignments each.
class DeadlineQueue {
 public:
  explicit DeadlineQueue(Instant patience) : patience_(patience) {}

  /// Puts the object at the end, wherever it was queued before.
  template <class T>
  void arm(Slab<T>& slab, std::uint32_t index, Instant now) {
    auto& timer = slab[index].timer;
    if (timer.queue != nullptr) timer.queue->disarm(slab, index);
    timer = {this, now + patience_, last_, kNone};
    (last_ == kNone ? first_ : slab[last_].timer.next) = index;
    last_ = index;
  }
  template <class T>
  void disarm(Slab<T>& slab, std::uint32_t index) {
    auto& timer = slab[index].timer;
    (timer.previous == kNone ? first_ : slab[timer.previous].timer.next) = timer.next;
    (timer.next == kNone ? last_ : slab[timer.next].timer.previous) = timer.previous;
    timer = {};
  }
  /// The first whose time has come, or kNone.
  template <class T>
  [[nodiscard]] std::uint32_t due(const Slab<T>& slab, Instant now) const {
    return first_ != kNone && slab[first_].timer.deadline <= now ? first_ : kNone;
  }
  /// The earlier of `limit` and the first deadline.
  template <class T>
  [[nodiscard]] Instant earliest(const Slab<T>& slab, Instant limit) const {
    return first_ != kNone && slab[first_].timer.deadline < limit ? slab[first_].timer.deadline : limit;
  }

 private:
  Instant patience_;
  std::uint32_t first_ = kNone;
  std::uint32_t last_ = kNone;
};

/// Takes the object out of whatever queue it is in.
template <class T>
void disarm(Slab<T>& slab, std::uint32_t index) {
  if (auto* queue = slab[index].timer.queue) queue->disarm(slab, index);
}

}  // namespace warren::proxy
