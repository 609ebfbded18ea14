// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "types/ip.h"

namespace warren::daemon {

/// Looks up the host names of targets on a thread of its own, again and again: a name server that does not
/// answer keeps nobody waiting, and a service that moves is found.
class Resolver {
 public:
  struct Answer {
    std::string host;
    std::vector<Ip> addresses;  ///< none: not found, what was known before may go on
    std::string error;
  };

  Resolver();
  /// The names from now on.
  void want(std::set<std::string> hosts);
  /// Readable when answers wait.
  [[nodiscard]] int fd() const { return ready_.get(); }
  /// Those that came since, where they differ from the last ones.
  [[nodiscard]] std::vector<Answer> answers();

 private:
  using Clock = std::chrono::steady_clock;
  struct State {
    Clock::time_point next;
    std::vector<Ip> addresses;
    std::string error;
  };
  void run(const std::stop_token& stop);
  void put(const std::string& host, Answer answer);

  UniqueFd ready_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, State> hosts_;  ///< under mutex_
  std::vector<Answer> answers_;         ///< under mutex_
  std::jthread thread_;                 ///< last: it uses all the others
};

}  // namespace warren::daemon
