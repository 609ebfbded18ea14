// SPDX-License-Identifier: GPL-2.0-or-later
#include "rooms/room.h"

#include <linux/netlink.h>

#include "rooms/living.h"
#include "sys/netns.h"
#include "sys/userns.h"

namespace warren::rooms {
namespace {

Result<Room> inside(UniqueFd netns) {
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  return Room{std::move(netns), std::move(socket)};
}

Result<Room> open_room(const Place& place, const SpaceName& name) {
  auto netns = TRY(sys::open_netns(place.pin(name.str())));
  TRY(sys::enter_netns(netns.get()));
  return inside(std::move(netns));
}

/// Leaves the thread in the namespace that is to get a name.
Status enter_nameless(const RoomOrder& order) {
  if (order.kind == RoomOrder::Kind::adopt) return sys::enter_netns(order.netns->get());
  if (!order.owner) return sys::unshare_netns();
  return sys::enter_netns(TRY(sys::make_owned_netns(*order.owner)).get());
}

Result<Room> name_current(const Place& place, const SpaceName& name) {
  auto room = TRY(inside(TRY(sys::current_netns())));
  TRY(note_netns(place, name, TRY(netns_cookie(room.socket))));
  TRY(sys::pin_current(place, name));
  return room;
}

}  // namespace

RoomSource::RoomSource(Place place, std::vector<RoomOrder> orders, bool held)
    : place_(std::move(place)),
      orders_(std::move(orders)),
      held_(held),
      worker_([this](const std::stop_token& stop) { work(stop); }) {}

RoomSource::~RoomSource() { worker_.request_stop(); }

void RoomSource::release() {
  const std::scoped_lock hold(mutex_);
  held_ = false;
  changed_.notify_all();
}

Status RoomSource::await_release(const std::stop_token& stop) {
  std::unique_lock hold(mutex_);
  if (changed_.wait(hold, stop, [&] { return !held_; })) return {};
  return fail(Code::failed, "nobody wants the namespace any more");
}

/// Leaves the worker thread in the namespace; the next order takes it out again.
Result<Room> RoomSource::fill(const RoomOrder& order, const std::stop_token& stop) {
  if (order.kind != RoomOrder::Kind::open) TRY(enter_nameless(order));
  TRY(await_release(stop));
  return order.kind == RoomOrder::Kind::open ? open_room(place_, order.name)
                                             : name_current(place_, order.name);
}

void RoomSource::work(const std::stop_token& stop) {
  for (const auto& order : orders_) {
    auto room = fill(order, stop);
    std::unique_lock hold(mutex_);
    if (!changed_.wait(hold, stop, [&] { return ready_.size() < kAhead; })) return;
    ready_.push_back(std::move(room));
    changed_.notify_all();
  }
}

Result<Room> RoomSource::next() {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return !ready_.empty(); });
  auto room = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return room;
}

}  // namespace warren::rooms
