// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>

#include "base/place.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::sys {

/// The one lock that writers take in turn: flock(2) on `lock` in the place. Freed at scope end, or by the
/// kernel when the process dies.
class WriterLock {
 public:
  static constexpr std::chrono::minutes kPatience{10};
  /// Waits for whoever has it, first come, first served; after a second it says on standard error who that
  /// is. Error: he still has it when `patience` is over, or it is a warren that runs this very command and so
  /// waits for us.
  [[nodiscard]] static Result<WriterLock> take(const Place& place,
                                               std::chrono::milliseconds patience = kPatience);

 private:
  explicit WriterLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

/// Keeps IDs that were read from the store with their owner until a process of a new user namespace has them,
/// by which all can see that: flock(2) on `ids.lock` in the place, shared by those who start guests.
class IdsLock {
 public:
  /// Waits for who takes IDs away. Error: that goes on for more than a minute.
  [[nodiscard]] static Result<IdsLock> share(const Place& place);
  /// For who takes IDs away. Error: some guest's start goes on for longer than we wait.
  [[nodiscard]] static Result<IdsLock> take(const Place& place);
  IdsLock(IdsLock&&) noexcept = default;
  IdsLock& operator=(IdsLock&&) = delete;
  ~IdsLock();

 private:
  explicit IdsLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace warren::sys
