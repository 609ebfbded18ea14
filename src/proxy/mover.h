// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "proxy/pipes.h"

namespace warren::proxy {

/// One end of a connection, and what edge-triggered events said of it.
struct Side {
  UniqueFd fd;
  bool readable = false;
  bool writable = false;
  bool hangup = false;  ///< the peer sends no more: read on until that shows
  bool error = false;   ///< the peer is gone
};

/// Bytes that were read and could not be written yet.
struct Spill {
  std::vector<char> bytes;
  std::size_t sent = 0;
};

/// How a direction came to its end.
enum class Ending : std::uint8_t {
  none,
  finished,  ///< the sender closed it: the receiver is told when all has been delivered
  cut,       ///< the sender was reset: so is the receiver, when all has been delivered
  broken,    ///< the receiver takes no more
};

/// One direction of a connection.
struct Way {
  std::unique_ptr<Spill> spill;
  Pipe pipe;               ///< while something is in it
  std::uint32_t held = 0;  ///< bytes in the pipe
  std::uint8_t bulk = 0;   ///< how much it looks like a bulk transfer
  Ending ending = Ending::none;
  bool told = false;  ///< the receiver knows of the end

  [[nodiscard]] bool empty() const { return held == 0 && !spill; }
  /// Nothing more will be moved.
  [[nodiscard]] bool over() const { return ending == Ending::broken || (ending != Ending::none && empty()); }
};

/// Moves bytes between sockets: small messages through one shared buffer, bulk as pages through a pipe. What
/// the receiver does not take is the only thing that is kept, so the sender waits as it would without a
/// proxy.
class Mover {
 public:
  explicit Mover(int pipe_size);

  struct Moved {
    std::uint64_t bytes = 0;  ///< delivered
    bool more = false;        ///< stopped for the sake of others: call again soon
  };
  /// Moves what can be moved from one side to the other, and notes the end of it.
  [[nodiscard]] Moved move(Way& way, Side& from, Side& to);
  /// Frees what the direction still holds.
  void drop(Way& way);

 private:
  static constexpr std::size_t kBuffer = 64 * 1024;
  [[nodiscard]] bool copy_step(Way& way, Side& from, Side& to, std::uint64_t& bytes);
  [[nodiscard]] bool splice_step(Way& way, Side& from, Side& to, std::uint64_t& bytes);
  [[nodiscard]] bool flush_spill(Way& way, Side& to, std::uint64_t& bytes);
  [[nodiscard]] bool fill_pipe(Way& way, Side& from) const;
  [[nodiscard]] bool empty_pipe(Way& way, Side& to, std::uint64_t& bytes);
  void settle(Way& way);

  int pipe_size_;
  PipePool pipes_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace warren::proxy
