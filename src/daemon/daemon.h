// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/place.h"
#include "daemon/control.h"
#include "daemon/mender.h"
#include "daemon/pace.h"
#include "daemon/report.h"
#include "daemon/roster.h"
#include "daemon/supervisor.h"
#include "daemon/watcher.h"
#include "daemon/wishes.h"
#include "proxy/loop.h"

namespace warren::daemon {

/// What the command line says.
struct Options {
  Place place;
  std::string config;  ///< the path of warren.toml
  proxy::Limits limits;
  std::chrono::milliseconds stop{3000};  ///< connections may end by themselves that long
  bool repair = true;
};

/// warrend: the proxy on a thread of its own, and beside it the reading of the store, the watch over the
/// kernel, the control socket and the signals, none of which a connection ever waits for.
class Daemon {
 public:
  /// Takes the lock that only one has, and all that was handed over. Error: exists, another one runs.
  [[nodiscard]] static Result<std::unique_ptr<Daemon>> start(Options options);
  ~Daemon();
  /// Until SIGTERM or SIGINT.
  [[nodiscard]] Status run();

 private:
  using Clock = std::chrono::steady_clock;
  explicit Daemon(Options options);
  [[nodiscard]] Status take_lock();
  [[nodiscard]] Status watch_files();
  [[nodiscard]] Status open_control(std::vector<Passed>& passed);
  void take_listeners(std::vector<Passed>& passed);

  [[nodiscard]] int patience() const;
  void wait();
  void read_signals();
  void read_files();
  void reload();
  void sync();
  void tick();

  void hint();
  void look_for_faults();
  void repaired();
  void ping_loop();
  void write_metrics();
  [[nodiscard]] Report report() const;
  [[nodiscard]] std::string answer(std::string_view request) const;
  [[nodiscard]] std::string summary() const;
  void stop();

  [[nodiscard]] const Place& place() const { return options_.place; }

  Options options_;
  Supervisor supervisor_;
  UniqueFd lock_, signals_, files_;
  int lock_watch_ = -1, pins_watch_ = -1;
  std::unique_ptr<proxy::Loop> loop_;
  std::optional<Control> control_;
  std::optional<Watcher> watcher_;
  WishReader reader_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Roster> roster_;
  std::unique_ptr<Mender> mender_;
  std::jthread proxy_thread_;

  bool stopping_ = false;
  std::string since_, state_ = "running";
  Clock::time_point next_tick_{}, next_ping_ = Clock::time_point::max();
  std::optional<Clock::time_point> look_at_;     ///< when to look for faults
  std::optional<Clock::time_point> first_hint_;  ///< of those that it will be for
  std::atomic<bool> loop_answers_ = true;
  Pace pace_;
  Report::Repairs repairs_;
};

}  // namespace warren::daemon
