// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/build.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "host/links.h"
#include "kinds/uplink/furnish.h"
#include "netlink/link.h"
#include "rooms/living.h"
#include "sys/netns.h"

namespace warren::uplink {
namespace {

using kinds::Context;
using model::Step;
using rooms::Room;
using rooms::RoomOrder;

constexpr std::size_t kFewSpaces = 8;

/// The name and what is noted of it: whoever lives on in the namespace is not the space any more.
Status let_go(const Place& place, const SpaceName& name) {
  TRY(rooms::forget_netns(place, name));
  return sys::unpin(place, name);
}

Parts missing_of(const Step& step) { return Parts::of_bits(step.missing); }
bool has_outer(const Step& step) { return Parts::of_bits(step.seen).has(Part::has_outer); }

RoomOrder order_for(const Step& step, const Context& context) {
  const auto& name = step.space->name;
  if (!missing_of(step).has(Part::netns)) return {name, RoomOrder::Kind::open};
  // The pin is gone but the link stands: somebody deleted the name while processes live in the namespace.
  if (has_outer(step) || !step.space->uplink)
    if (auto netns = rooms::find_living_netns(context.kernel.place(), name))
      return {name, RoomOrder::Kind::adopt, std::make_shared<const UniqueFd>(std::move(*netns))};
  const auto owner = context.owners.find(step.space->number);
  return {name,
          RoomOrder::Kind::make,
          {},
          owner == context.owners.end() ? std::nullopt : std::optional(owner->second)};
}

std::vector<RoomOrder> orders_for(std::span<const Step> steps, const Context& context) {
  std::vector<RoomOrder> orders;
  orders.reserve(steps.size());
  for (const auto& step : steps) orders.push_back(order_for(step, context));
  return orders;
}

/// A link under the name of the host end that is not warren's is somebody else's, and stays.
Status clear_outer(netlink::Socket& host, const IfName& name) {
  if (!netlink::link_index(host, name)) return {};
  const auto link = TRY(netlink::get_link(host, name));
  if (!link) return {};
  if (!host::is_own(*link))
    return fail(Code::exists,
                fmt::format("a link {} exists already, and is not ours: rename or delete it", name.str()));
  return host::delete_link_if_there(host, name);
}

class Builder {
 public:
  Builder(netlink::Socket& host, Context& context, std::size_t count)
      : host_(host), context_(context), few_(count <= kFewSpaces) {}

  /// All of one space but what is left for last. Undone where it fails.
  Status build(const Step& step, RoomOrder::Kind how, Result<Room> room) {
    if (!room) return std::unexpected(std::move(room).error());
    const auto missing = missing_of(step);
    const auto& space = *step.space;
    Begun begun{Site{context_.settings, context_.facts, space, model::wiring(space, context_.settings)},
                missing};
    // With the namespace found again its link is whole; only a fresh or linkless one needs a new pair.
    const bool found = how == RoomOrder::Kind::adopt && (has_outer(step) || !space.uplink);
    const auto all = all_parts(space, context_.settings);
    begun.new_link = missing.has(Part::veth) && !found;
    begun.new_pin = missing.has(Part::netns) && !found && how != RoomOrder::Kind::open;
    if (begun.new_link || begun.new_pin)
      begun.parts = all;
    else if (found)
      begun.parts = all.without({Part::veth});
    begun.foreign = begun.new_link && how == RoomOrder::Kind::adopt;
    if (auto status = furnish(begun, *room); !status) {
      undo(begun);
      return status;
    }
    begun_.push_back(std::move(begun));
    return {};
  }

  /// What is left, for all spaces at once.
  Status finish() {
    netlink::Batch batch;
    std::vector<const Begun*> asked;
    for (const auto& begun : begun_) {
      const auto switched = begun.parts.has(Part::forwarding6) ? switch_forwarding6(begun.site) : Status();
      if (!switched) fail(begun, switched.error());
      if (!switched || !begun.parts.has(Part::route6)) continue;
      route6(batch, begun.site, begun.index);
      asked.push_back(&begun);
    }
    auto refused = TRY(host_.run_all(batch));
    for (auto& failure : refused) fail(*asked[failure.request], std::move(failure.error));
    return {};
  }

 private:
  struct Begun {
    Site site;
    Parts parts;
    bool new_link = false;
    bool connected = false;  ///< the new link has been made
    bool new_pin = false;
    bool foreign = false;  ///< somebody else made the namespace
    int index = 0;         ///< of the host end
  };

  Status furnish(Begun& begun, Room& room) {
    const auto& site = begun.site;
    if (begun.new_link && site.space.uplink) TRY(clear_outer(host_, site.wiring.outer));
    if (begun.foreign) TRY(check_adopted(room));
    if (begun.new_link) TRY(connect(host_, site, room));
    begun.connected = begun.new_link;
    TRY(furnish_inside(room, site, begun.parts));
    if (!site.space.uplink) return {};
    begun.index = TRY(furnish_outside(host_, site, begun.parts));
    TRY(settle_inside(room, site, begun.parts));
    // Of many the first have long settled when the last is built.
    if (few_ && begun.parts.has(Part::address6)) await_address6(room, site);
    return {};
  }
  void fail(const Begun& begun, Error error) {
    undo(begun);
    context_.failures.push_back({begun.site.space.name, std::move(error)});
  }
  void undo(const Begun& begun) {
    if (begun.connected) {
      netlink::Batch batch;
      netlink::delete_link(batch, begun.site.wiring.outer);
      (void)host_.run(batch);  // its peer may have taken it along
    }
    if (begun.new_pin) (void)let_go(context_.kernel.place(), begun.site.space.name);
  }

  netlink::Socket& host_;
  Context& context_;
  const bool few_;
  std::vector<Begun> begun_;
};

}  // namespace

Status build_spaces(std::span<const Step> steps, Context& context) {
  if (steps.empty()) return {};
  TRY(sys::prepare_pins(context.kernel.place()));
  std::optional<rooms::RoomSource> own;
  if (!context.begun) own.emplace(context.kernel.place(), orders_for(steps, context));
  auto& rooms = context.begun ? *context.begun : *own;
  Builder builder(*TRY(context.kernel.route()), context, steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto status = builder.build(steps[i], rooms.orders()[i].kind, rooms.next());
    if (!status) context.failures.push_back({steps[i].space->name, std::move(status).error()});
    if (context.progress) context.progress(i + 1, steps.size());
  }
  return builder.finish();
}

Status tear_down(std::span<const Step> steps, Context& context) {
  std::vector<IfName> links;
  for (const auto& step : steps)
    if (step.space->uplink) links.push_back(model::wiring(*step.space, context.settings).outer);
  TRY(host::delete_links(context.kernel, links));
  for (const auto& step : steps)
    if (auto gone = let_go(context.kernel.place(), step.space->name); !gone)
      context.failures.push_back({step.space->name, std::move(gone).error()});
  return {};
}

}  // namespace warren::uplink
