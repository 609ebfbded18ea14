// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/place.h"
#include "base/unique_fd.h"
#include "netlink/socket.h"
#include "types/id_map.h"
#include "types/names.h"

namespace warren::rooms {

/// A namespace, and a netlink socket that was opened inside: all that is needed to furnish it from outside.
struct Room {
  UniqueFd netns;
  netlink::Socket socket;
};

/// A namespace that is wanted.
struct RoomOrder {
  enum class Kind {
    make,   ///< a new namespace, pinned under the name; what was pinned there is let go
    open,   ///< the one pinned under the name
    adopt,  ///< `netns`, to be pinned under the name
  };
  SpaceName name;
  Kind kind = Kind::make;
  /// Held open: a process that lives in it may be in another a moment later.
  std::shared_ptr<const UniqueFd> netns{};
  /// What a new one belongs to: a user namespace with these IDs, whose root may set it up; else the host's.
  std::optional<IdRuns> owner{};
};

/// Makes or opens namespaces on a thread of its own, in order and a little ahead of whoever furnishes
/// them: creating a namespace and furnishing another overlap on two cores.
class RoomSource {
 public:
  /// `held`: nothing gets a name, and so outlives this process, before release().
  RoomSource(Place place, std::vector<RoomOrder> orders, bool held = false);
  RoomSource(const RoomSource&) = delete;
  RoomSource& operator=(const RoomSource&) = delete;
  ~RoomSource();

  void release();
  [[nodiscard]] const std::vector<RoomOrder>& orders() const { return orders_; }
  /// The room of the next order. Called once an order.
  [[nodiscard]] Result<Room> next();

 private:
  void work(const std::stop_token& stop);
  [[nodiscard]] Result<Room> fill(const RoomOrder& order, const std::stop_token& stop);
  [[nodiscard]] Status await_release(const std::stop_token& stop);

  static constexpr std::size_t kAhead = 64;  // rooms that may wait, two descriptors each
  const Place place_;
  const std::vector<RoomOrder> orders_;
  bool held_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Result<Room>> ready_;
  std::jthread worker_;  // last: it uses all of the above
};

}  // namespace warren::rooms
