// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace warren::test {

/// How many times slower than a good machine this one is, as machine.py found; under sanitizers four times as
/// much.
inline double slowness() {
  const char* found = std::getenv("WARREN_PATIENCE");
  const double factor = found != nullptr ? std::max(1.0, std::strtod(found, nullptr)) : 1.0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return factor * 4;
#else
  return factor;
#endif
}

/// A deadline for what must come, from that of a good machine: there only so that a test which fails ends.
inline std::chrono::milliseconds patience(double seconds = 20) {
  return std::chrono::milliseconds(static_cast<long>(seconds * slowness() * 1000));
}

/// Calls the condition until it is true, for patience() at most: did it become true?
template <class F>
bool wait_until(F condition) {
  const auto end = std::chrono::steady_clock::now() + patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// The processor's time that the work takes, in seconds: the best of five, so that what else runs here does
/// not count. To be compared with another such figure of the same run, never with a number.
template <class F>
double processor_seconds(F work) {
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto begin = now();
    work();
    best = std::min(best, now() - begin);
  }
  return best;
}

}  // namespace warren::test
