// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <sys/epoll.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::proxy {

/// Whose event it is.
enum class Source : std::uint8_t { wake, listener, client, target, flow };

/// What epoll keeps for us: the object by its number, and its generation, which outs a stale event.
struct Tag {
  Source source = Source::wake;
  std::uint32_t generation = 0;  ///< 28 bits
  std::uint32_t index = 0;

  [[nodiscard]] std::uint64_t pack() const {
    return static_cast<std::uint64_t>(source) << 60 | static_cast<std::uint64_t>(generation) << 32 | index;
  }
  [[nodiscard]] static Tag unpack(std::uint64_t value) {
    return {static_cast<Source>(value >> 60), static_cast<std::uint32_t>(value >> 32 & 0xfffffff),
            static_cast<std::uint32_t>(value)};
  }
};

/// epoll(7). A descriptor leaves it when it is closed.
class Poller {
 public:
  [[nodiscard]] static Result<Poller> open();
  [[nodiscard]] Status add(int fd, std::uint32_t events, const Tag& tag) const;
  [[nodiscard]] Status change(int fd, std::uint32_t events, const Tag& tag) const;
  void remove(int fd) const;
  /// The events that came, none after `timeout` milliseconds (-1: no limit).
  [[nodiscard]] std::span<epoll_event> wait(std::span<epoll_event> events, int timeout) const;

 private:
  explicit Poller(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace warren::proxy
