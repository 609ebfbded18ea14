// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// For the .cc files of this folder.

#include <map>
#include <memory>

#include "proxy/core.h"

namespace warren::proxy {

/// The datagrams of one client to one service: a socket of its own to the target, so that answers find back.
struct Flow {
  UniqueFd fd;
  std::uint32_t listener = kNone;
  Address client;
  Timer timer;
};

/// UDP. A flow lives from its first datagram until none came for a while.
class Datagrams {
 public:
  explicit Datagrams(Core& core);

  void receive(std::uint32_t listener);
  void event(const Tag& tag);
  void expire();
  [[nodiscard]] Instant earliest(Instant limit) const { return idle_.earliest(flows_, limit); }
  void end_orphans();
  [[nodiscard]] std::size_t size() const { return flows_.size(); }

 private:
  struct Key {
    std::uint32_t listener;
    Ip client;
    Port port;
    auto operator<=>(const Key&) const = default;
  };
  [[nodiscard]] std::uint32_t flow_of(std::uint32_t listener, const Address& client);
  [[nodiscard]] std::uint32_t begin(std::uint32_t listener, const Address& client);
  void end(std::uint32_t index);

  static constexpr std::size_t kBuffer = 64 * 1024;
  Core& core_;
  Slab<Flow> flows_;
  std::map<Key, std::uint32_t> by_client_;
  DeadlineQueue idle_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace warren::proxy
