// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// For the .cc files of this folder.

#include <array>
#include <deque>

#include "proxy/core.h"
#include "proxy/mover.h"
#include "proxy/waiting.h"

namespace warren::proxy {

/// A client's connection and the one to its target.
///   connecting -> open -> half-closed -> gone, the way of an orderly end. Any failure leads to gone at once.
struct Connection {
  Side client;
  Side target;
  Way up;    ///< client to target
  Way down;  ///< target to client
  std::uint32_t listener = kNone;
  std::uint16_t client_port = 0;
  std::uint32_t attempt = 0;  ///< which of the target's addresses
  bool connected = false;
  bool waiting = false;  ///< for room in the queue of a Unix socket
  bool queued = false;   ///< in the list of those that have more to move
  bool reset = false;    ///< one side was cut off: so will the other be
  Timer timer;
};

/// The try of one of several addresses, which leaves time for the next.
struct Attempt {
  Reference connection;
  std::uint32_t number = 0;
  Instant deadline = 0;
};

/// Connections over TCP and Unix sockets.
class Streams {
 public:
  explicit Streams(Core& core);

  void accept(std::uint32_t listener);
  void event(const Tag& tag, std::uint32_t events);
  /// Gives those another turn that had more to move.
  void go_on();
  [[nodiscard]] bool unfinished() const { return !again_.empty(); }
  void expire();
  [[nodiscard]] Instant earliest(Instant limit) const;
  /// Ends those whose listener is gone.
  void end_orphans();
  [[nodiscard]] std::size_t size() const { return connections_.size(); }

 private:
  [[nodiscard]] bool accept_one(std::uint32_t listener);
  [[nodiscard]] UniqueFd& spare(int family);
  void begin(std::uint32_t listener, UniqueFd client, Port client_port);
  enum class Outcome {
    failed,
    under_way,  ///< or there
    full,       ///< a Unix socket's queue has no room
  };
  void connect(std::uint32_t index);
  [[nodiscard]] Outcome try_address(std::uint32_t index, const Address& address);
  [[nodiscard]] Outcome try_addresses(std::uint32_t index);
  void bound_attempt(std::uint32_t index);
  void give_up_attempts();
  void admit_waiting();
  void next_address(std::uint32_t index);
  void connected(std::uint32_t index);
  void client_event(std::uint32_t index, std::uint32_t events);
  void target_event(std::uint32_t index, std::uint32_t events);
  void pump(std::uint32_t index);
  [[nodiscard]] static bool relay_end(Connection& connection, Way& way, Side& from, Side& to);
  void end(std::uint32_t index, bool reset);
  void fail(std::uint32_t index);

  Core& core_;
  Mover mover_;
  Slab<Connection> connections_;
  DeadlineQueue connecting_, idle_, draining_;
  WaitingRoom waiting_;             ///< they are in connecting_ too
  std::deque<Attempt> attempts_;    ///< in the order of their deadlines
  std::array<UniqueFd, 3> spares_;  ///< sockets for the next connection: v4, v6, unix
  std::vector<std::uint32_t> again_;
};

}  // namespace warren::proxy
