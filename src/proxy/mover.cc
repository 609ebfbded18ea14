// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/mover.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>

namespace warren::proxy {
namespace {

constexpr int kRounds = 8;                 ///< steps before others have their turn
constexpr std::uint8_t kBulkFrom = 4;      ///< full reads in a row that make a bulk transfer
constexpr std::uint8_t kBulkMost = 16;     ///< and how many small ones end it
constexpr std::size_t kSmall = 16 * 1024;  ///< a read through the pipe that a copy would have done as well

bool would_block(int error) { return error == EAGAIN || error == EINTR; }

/// A read that failed for good.
void cut(Way& way, Side& from) {
  from.readable = false;
  way.ending = Ending::cut;
}

/// A write that failed: EAGAIN waits, all else means that nobody takes it.
void not_written(Way& way, Side& to) {
  if (errno == EINTR) return;
  to.writable = false;
  if (errno != EAGAIN) way.ending = Ending::broken;
}

}  // namespace

Mover::Mover(int pipe_size)
    : pipe_size_(pipe_size), pipes_(pipe_size), buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

Mover::Moved Mover::move(Way& way, Side& from, Side& to) {
  Moved moved;
  for (int round = 0; !way.over(); ++round) {
    if (round == kRounds) {
      moved.more = true;
      break;
    }
    const bool splicing = way.pipe.valid() || (!way.spill && way.bulk >= kBulkFrom);
    if (!(splicing ? splice_step(way, from, to, moved.bytes) : copy_step(way, from, to, moved.bytes))) break;
  }
  settle(way);
  return moved;
}

void Mover::drop(Way& way) {
  way.spill.reset();
  way.pipe = {};  // what is in it must not reach the next who takes it
  way.held = 0;
}

void Mover::settle(Way& way) {
  if (way.ending == Ending::broken) return drop(way);
  if (way.pipe.valid() && way.held == 0) pipes_.give(std::move(way.pipe));
}

/// True: something moved, so another step may move more.
bool Mover::copy_step(Way& way, Side& from, Side& to, std::uint64_t& bytes) {
  if (way.spill) return to.writable && flush_spill(way, to, bytes);
  if (!from.readable || !to.writable || way.ending != Ending::none) return false;
  const auto got = ::recv(from.fd.get(), buffer_.get(), kBuffer, 0);
  if (got == 0) {
    way.ending = Ending::finished;
    return false;
  }
  if (got < 0) {
    if (!would_block(errno)) return cut(way, from), false;
    from.readable = from.readable && errno == EINTR;
    return from.readable;
  }
  const auto size = static_cast<std::size_t>(got);
  way.bulk = size == kBuffer ? static_cast<std::uint8_t>(way.bulk + 1) : 0;
  // A short read has taken all there was; what comes later is a new event. The end may be there already.
  if (size < kBuffer && !from.hangup) from.readable = false;
  const auto put = ::send(to.fd.get(), buffer_.get(), size, MSG_NOSIGNAL);
  if (put < 0) not_written(way, to);
  const auto sent = put < 0 ? 0 : static_cast<std::size_t>(put);
  bytes += sent;
  if (sent < size && way.ending != Ending::broken) {
    way.spill = std::make_unique<Spill>();
    way.spill->bytes.assign(buffer_.get() + sent, buffer_.get() + size);
  }
  return true;
}

bool Mover::flush_spill(Way& way, Side& to, std::uint64_t& bytes) {
  auto& spill = *way.spill;
  const auto put =
      ::send(to.fd.get(), spill.bytes.data() + spill.sent, spill.bytes.size() - spill.sent, MSG_NOSIGNAL);
  if (put < 0) {
    not_written(way, to);
    return to.writable && way.ending != Ending::broken;
  }
  spill.sent += static_cast<std::size_t>(put);
  bytes += static_cast<std::uint64_t>(put);
  if (spill.sent == spill.bytes.size()) way.spill.reset();
  return true;
}

bool Mover::splice_step(Way& way, Side& from, Side& to, std::uint64_t& bytes) {
  if (!way.pipe.valid()) {
    if (!from.readable || way.ending != Ending::none) return false;
    way.pipe = pipes_.take();
    if (!way.pipe.valid()) {  // no descriptors left: copying needs none
      way.bulk = 0;
      return true;
    }
  }
  const bool filled = fill_pipe(way, from);
  const bool emptied = empty_pipe(way, to, bytes);
  return filled || emptied;
}

bool Mover::fill_pipe(Way& way, Side& from) const {
  // Never on top of what is there: that would make ever smaller steps, and EAGAIN would not say who is full.
  if (way.held > 0 || !from.readable || way.ending != Ending::none) return false;
  const auto got = ::splice(from.fd.get(), nullptr, way.pipe.in.get(), nullptr,
                            static_cast<std::size_t>(pipe_size_), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (got > 0) {
    way.held += static_cast<std::uint32_t>(got);
    if (static_cast<std::size_t>(got) >= kSmall)
      way.bulk = std::min<std::uint8_t>(static_cast<std::uint8_t>(way.bulk + 1), kBulkMost);
    else if (way.bulk > 0)
      --way.bulk;
    return true;
  }
  if (got == 0) {
    way.ending = Ending::finished;
  } else if (!would_block(errno)) {
    cut(way, from);
  } else if (errno == EAGAIN) {
    from.readable = false;
  }
  return false;
}

bool Mover::empty_pipe(Way& way, Side& to, std::uint64_t& bytes) {
  if (way.held == 0 || !to.writable) return false;
  const auto put = ::splice(way.pipe.out.get(), nullptr, to.fd.get(), nullptr, way.held,
                            SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (put <= 0) {
    not_written(way, to);
    return false;
  }
  way.held -= static_cast<std::uint32_t>(put);
  bytes += static_cast<std::uint64_t>(put);
  return true;
}

}  // namespace warren::proxy
