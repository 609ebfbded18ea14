// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::daemon {

/// A descriptor that the service manager passed (sd_listen_fds(3)).
struct Passed {
  std::string name;
  UniqueFd fd;
};
/// All of them, once; the variables are taken from the environment.
[[nodiscard]] std::vector<Passed> passed_descriptors();

/// Talks to the service manager by the protocol of sd_notify(3). Without one, all of it does nothing.
class Supervisor {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them from the environment.
  [[nodiscard]] static Supervisor from_environment();

  [[nodiscard]] bool present() const { return !address_.empty(); }
  void tell(std::string_view state) const;
  void ready(std::string_view status) const;
  void reloading() const;
  void stopping() const;
  void status(std::string_view text) const;
  void alive() const { tell("WATCHDOG=1"); }
  /// Leaves a descriptor in the manager's keeping, for the next of us.
  [[nodiscard]] Status keep(std::string_view name, int fd) const;
  void forget(std::string_view name) const;
  /// How often it wants to hear alive(); nothing: never.
  [[nodiscard]] const std::optional<std::chrono::microseconds>& watchdog() const { return watchdog_; }

 private:
  [[nodiscard]] Status send(std::string_view state, int fd) const;
  std::string address_;
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace warren::daemon
