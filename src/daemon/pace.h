// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <chrono>

namespace warren::daemon {

/// How soon the next repair may follow. A few at once are free; who goes on undoing what is mended finds
/// longer and longer pauses, up to a minute, and after a quiet time all is as at first.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  /// A repair was made. True: this is the first that makes the next one wait.
  bool mended(Clock::time_point now) {
    if (now - last_ > std::max(kQuiet, 2 * pause_)) {
      pause_ = {};
      free_ = kFree;
    }
    last_ = now;
    if (free_ > 0) {
      --free_;
      return false;
    }
    const bool first = pause_ == Clock::duration{};
    pause_ = std::clamp<Clock::duration>(2 * pause_, kFirst, kMost);
    return first;
  }
  [[nodiscard]] Clock::time_point earliest() const { return last_ + pause_; }
  [[nodiscard]] Clock::duration pause() const { return pause_; }

 private:
  static constexpr int kFree = 5;
  static constexpr Clock::duration kFirst = std::chrono::seconds(1);
  static constexpr Clock::duration kMost = std::chrono::minutes(1);
  static constexpr Clock::duration kQuiet = std::chrono::seconds(30);

  int free_ = kFree;
  Clock::duration pause_{};
  Clock::time_point last_{};
};

}  // namespace warren::daemon
