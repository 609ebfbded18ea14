// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::daemon {

/// The control socket: who connects says one word ("status" or "metrics"; nothing means "status"), ends his
/// side or the line, and reads the answer.
class Control {
 public:
  using Answer = std::function<std::string(std::string_view request)>;

  /// Makes the socket at `path` (mode 0600), in place of one that nobody listens at any more.
  [[nodiscard]] static Result<Control> listen(const std::string& path);
  /// Takes one that was passed by the service manager.
  explicit Control(UniqueFd listener) : listener_(std::move(listener)) {}

  void watch(std::vector<pollfd>& fds) const;
  /// The earlier of `limit` and when to call handle() at the latest: who says nothing is not waited for.
  [[nodiscard]] std::chrono::steady_clock::time_point earliest(
      std::chrono::steady_clock::time_point limit) const;
  void handle(const Answer& answer);

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    UniqueFd fd;
    std::string request;
    Clock::time_point until;
  };
  [[nodiscard]] static bool finished(Client& client, const Answer& answer);

  UniqueFd listener_;
  std::vector<Client> clients_;
};

}  // namespace warren::daemon
