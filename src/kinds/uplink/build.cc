// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/build.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "host/links.h"
#include "kinds/service/inner_table.h"
#include "kinds/uplink/furnish.h"
#include "netlink/link.h"
#include "rooms/living.h"
#include "sys/netns.h"

namespace warren::uplink {
namespace {

using model::Part;
using model::SpaceChange;

constexpr std::size_t kFewSpaces = 8;

/// The name and what is noted of it: whoever lives on in the namespace is not the space any more.
Status let_go(const SpaceName& name) {
  TRY(rooms::forget_netns(name));
  return sys::unpin(name);
}

rooms::RoomOrder order_for(const SpaceChange& change, const ids::Owners& owners) {
  const auto& name = change.space->name;
  if (!change.missing.has(Part::netns)) return {name, rooms::RoomOrder::Kind::open};
  // The pin is gone but the link stands: somebody deleted the name while processes live in the namespace.
  if (change.seen.outer_exists || !change.space->uplink)
    if (auto netns = rooms::find_living_netns(name))
      return {name, rooms::RoomOrder::Kind::adopt, std::make_shared<const UniqueFd>(std::move(*netns))};
  const auto owner = owners.find(change.space->number);
  return {name,
          rooms::RoomOrder::Kind::make,
          {},
          owner == owners.end() ? std::nullopt : std::optional(owner->second)};
}

std::vector<rooms::RoomOrder> orders_for(const std::vector<SpaceChange>& changes, const ids::Owners& owners) {
  std::vector<rooms::RoomOrder> orders;
  orders.reserve(changes.size());
  for (const auto& change : changes) orders.push_back(order_for(change, owners));
  return orders;
}

class Builder {
 public:
  Builder(netlink::Socket& host, const model::Settings& settings, const host::HostFacts& facts,
          std::size_t count)
      : host_(host), settings_(settings), facts_(facts), few_(count <= kFewSpaces) {}

  /// All of one space but what is left for last. Undone where it fails.
  Status build(const SpaceChange& change, rooms::RoomOrder::Kind how, Result<rooms::Room> room) {
    if (!room) return std::unexpected(std::move(room).error());
    Begun begun{Site{settings_, facts_, *change.space, model::wiring(*change.space, settings_)},
                change.missing};
    // With the namespace found again its link is whole; only a fresh or linkless one needs a new pair.
    const bool found =
        how == rooms::RoomOrder::Kind::adopt && (change.seen.outer_exists || !change.space->uplink);
    const auto all = model::all_parts(*change.space, settings_);
    begun.new_link = change.missing.has(Part::veth) && !found;
    begun.new_pin = change.missing.has(Part::netns) && !found && how != rooms::RoomOrder::Kind::open;
    if (begun.new_link || begun.new_pin)
      begun.parts = all;
    else if (found)
      begun.parts = all.without({Part::veth});
    begun.foreign = begun.new_link && how == rooms::RoomOrder::Kind::adopt;
    if (auto status = furnish(begun, change, *room); !status) {
      undo(begun);
      return status;
    }
    begun_.push_back(std::move(begun));
    return {};
  }

  /// What is left, for all spaces at once.
  Status finish(std::vector<model::SpaceFailure>& failures) {
    netlink::Batch batch;
    std::vector<const Begun*> asked;
    for (const auto& begun : begun_) {
      const auto switched = begun.parts.has(Part::forwarding6) ? switch_forwarding6(begun.site) : Status();
      if (!switched) fail(begun, switched.error(), failures);
      if (!switched || !begun.parts.has(Part::route6)) continue;
      route6(batch, begun.site, begun.index);
      asked.push_back(&begun);
    }
    auto refused = TRY(host_.run_all(batch));
    for (auto& failure : refused) fail(*asked[failure.request], std::move(failure.error), failures);
    return {};
  }

 private:
  struct Begun {
    Site site;
    model::Parts parts;
    bool new_link = false;
    bool new_pin = false;
    bool foreign = false;  ///< somebody else made the namespace
    int index = 0;         ///< of the host end
  };

  Status furnish(Begun& begun, const SpaceChange& change, rooms::Room& room) {
    if (begun.new_link && change.seen.outer_exists) remove_link(begun.site);
    if (begun.foreign) TRY(check_adopted(room));
    if (begun.new_link) TRY(connect(host_, begun.site, room));
    TRY(furnish_inside(room, begun.site, begun.parts));
    if (!change.space->uplink) return {};
    begun.index = TRY(furnish_outside(host_, begun.site, begun.parts));
    TRY(settle_inside(room, begun.site, begun.parts));
    if (begun.parts.has(Part::services)) TRY(put_services(room, begun));
    // Of many the first have long settled when the last is built.
    if (few_ && begun.parts.has(Part::address6)) await_address6(room, begun.site);
    return {};
  }
  /// A fresh namespace has no table to take away.
  Status put_services(const rooms::Room& room, const Begun& begun) {
    if (begun.new_pin && model::nat_services(begun.site.space, settings_).empty()) return {};
    return service::put_inner_table(room.netns.get(), begun.site.space, settings_);
  }
  void fail(const Begun& begun, Error error, std::vector<model::SpaceFailure>& failures) {
    undo(begun);
    failures.push_back({begun.site.space.name, std::move(error)});
  }
  void undo(const Begun& begun) {
    if (begun.new_link) remove_link(begun.site);
    if (begun.new_pin) (void)let_go(begun.site.space.name);
  }
  void remove_link(const Site& site) {
    netlink::Batch batch;
    netlink::delete_link(batch, site.wiring.outer);
    (void)host_.run(batch);  // its peer may have taken it along
  }

  netlink::Socket& host_;
  const model::Settings& settings_;
  const host::HostFacts& facts_;
  const bool few_;
  std::vector<Begun> begun_;
};

}  // namespace

Result<std::vector<model::SpaceFailure>> build_spaces(host::Kernel& kernel, const model::Settings& settings,
                                                      const host::HostFacts& facts,
                                                      const std::vector<SpaceChange>& changes,
                                                      const ids::Owners& owners,
                                                      const model::Progress& progress,
                                                      rooms::RoomSource* begun) {
  std::vector<model::SpaceFailure> failures;
  if (changes.empty()) return failures;
  TRY(sys::prepare_pins());
  std::optional<rooms::RoomSource> own;
  if (!begun) begun = &own.emplace(orders_for(changes, owners));
  Builder builder(*TRY(kernel.route()), settings, facts, changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto status = builder.build(changes[i], begun->orders()[i].kind, begun->next());
    if (!status) failures.push_back({changes[i].space->name, std::move(status).error()});
    if (progress) progress(i + 1, changes.size());
  }
  TRY(builder.finish(failures));
  return failures;
}

Status tear_down(host::Kernel& kernel, const model::Settings& settings,
                 const std::vector<const model::Space*>& spaces) {
  std::vector<IfName> links;
  for (const auto* space : spaces)
    if (space->uplink) links.push_back(model::wiring(*space, settings).outer);
  TRY(host::delete_links(kernel, links));
  for (const auto* space : spaces) TRY_WRAP("space " + space->name.str(), let_go(space->name));
  return {};
}

}  // namespace warren::uplink
