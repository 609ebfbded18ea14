// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/address.h"
#include "proxy/header.h"
#include "types/port.h"

namespace warren::proxy {

/// How long the proxy waits, and how much a space may have.
struct Limits {
  /// Until a target answers, all its addresses together. Of several, each but the last has a quarter of it,
  /// then it is the next one's turn.
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds idle{8 * 3'600'000};
  std::chrono::milliseconds drain{300'000};  ///< without a byte, when one direction has ended
  std::chrono::milliseconds flow{60'000};    ///< a UDP flow without a datagram
  std::chrono::milliseconds back_off{100};   ///< no accept, when descriptors have run out
  std::uint32_t per_space = 4096;            ///< connections and UDP flows at a time
  int pipe_size = 1 << 20;
};

struct Counters {
  std::uint64_t now = 0;
  std::uint64_t total = 0;
  std::uint64_t refused = 0;      ///< the space had its share already
  std::uint64_t failed = 0;       ///< the target could not be reached
  std::uint64_t to_target = 0;    ///< bytes
  std::uint64_t from_target = 0;  ///< bytes
  Counters& operator+=(const Counters& other);
};

enum class SpaceId : std::uint32_t {};
enum class TargetId : std::uint32_t {};
enum class ListenerId : std::uint32_t {};

/// Whom a listening socket is for, and where its connections go.
struct ListenerSpec {
  SpaceId space{};
  TargetId target{};
  Proto proto = Proto::tcp;
  Header header = Header::none;
  Ip source;  ///< the space's own address, of the header
};

/// Connections now, and how many there have been.
struct ListenerState {
  ListenerId id{};
  int fd = -1;
  Counters counters;
};

struct Core;
class Streams;
class Datagrams;

/// Takes connections and datagrams from listening sockets to their targets, all on one thread: the one that
/// calls run(). Nothing in it waits for anything but the next event.
class Loop {
 public:
  using Job = std::move_only_function<void()>;

  [[nodiscard]] static Result<std::unique_ptr<Loop>> make(const Limits& limits);
  ~Loop();

  /// From any thread: the loop's thread runs the job between two events.
  void post(Job job);
  /// From any thread: run() returns.
  void stop();

  /// Until stop(). The methods below are for the loop's own thread (see post), or for when it does not run.
  void run();

  [[nodiscard]] TargetId add_target(std::vector<Address> addresses);
  /// For connections to come; those that stand keep theirs. The addresses are tried in their order.
  void set_target(TargetId target, std::vector<Address> addresses);
  void remove_target(TargetId target);
  [[nodiscard]] SpaceId add_space(std::string name);
  /// Closes its listeners and ends its connections, by a reset.
  void remove_space(SpaceId space);
  [[nodiscard]] Result<ListenerId> add_listener(UniqueFd fd, const ListenerSpec& spec);
  void remove_listeners(const std::vector<ListenerId>& listeners);
  /// Takes no more connections; those that stand go on. `close`: who comes is refused, else he waits in the
  /// queue for another process that holds the listeners too.
  void stop_accepting(bool close);

  [[nodiscard]] std::size_t connections() const;  ///< without UDP flows, which have no end
  [[nodiscard]] std::vector<ListenerState> listeners() const;
  /// Of listeners that are gone.
  [[nodiscard]] Counters retired() const;
  /// How often accepting paused for want of descriptors.
  [[nodiscard]] std::uint64_t pauses() const;

 private:
  Loop(std::unique_ptr<Core> core, UniqueFd wake);
  void turn();
  void run_jobs();
  [[nodiscard]] int patience() const;

  std::unique_ptr<Core> core_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Datagrams> datagrams_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<Job> jobs_;  ///< under mutex_
  std::atomic<bool> stopping_ = false;
};

}  // namespace warren::proxy
