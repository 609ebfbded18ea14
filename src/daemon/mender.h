// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::daemon {

/// What a look at everything found and mended.
struct Repair {
  std::vector<std::string> causes;  ///< why it was looked
  std::vector<std::string> mended;
  std::vector<std::string> failed;
  double seconds = 0;
};

/// Runs the engine's `up` on a thread of its own: it may wait for the lock, and work for long.
class Mender {
 public:
  Mender(Place place, std::string config);

  /// One at a time: not while busy().
  void start(std::vector<std::string> causes);
  [[nodiscard]] bool busy() const { return busy_; }
  /// Readable when a repair is done.
  [[nodiscard]] int fd() const { return done_.get(); }
  [[nodiscard]] std::optional<Repair> take();

  /// Does some warren work on the spaces right now?
  [[nodiscard]] bool warren_at_work() const;

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Repair repair(std::vector<std::string> causes) const;

  Place place_;
  std::string config_;
  UniqueFd done_;
  bool busy_ = false;  ///< of the caller's thread
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<std::vector<std::string>> causes_;  ///< under mutex_
  std::optional<Repair> repair_;                    ///< under mutex_
  std::jthread thread_;                             ///< last: it uses all the others
};

}  // namespace warren::daemon
