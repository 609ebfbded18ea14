// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/build.h"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <set>

#include "apply/furnish.h"
#include "base/rollback.h"
#include "netlink/link.h"
#include "sys/netns.h"
#include "sys/process.h"

namespace warren::apply {
namespace {

using model::Part;
using model::SpaceChange;

/// The pin is gone but the link stands: somebody deleted the name while processes live in the namespace. Looks for the
/// namespace through them. Runs on a thread that may end up anywhere.
std::string find_living(const model::Space& space, const model::Settings& settings) {
  const auto wiring = model::wiring(space, settings);
  std::set<sys::NetnsId> seen;
  for (const auto& process : sys::processes().value_or(std::vector<sys::Process>{})) {
    if (!seen.insert(process.netns).second) continue;
    const auto path = fmt::format("/proc/{}/ns/net", process.pid);
    const auto netns = sys::open_netns(path);
    if (!netns || !sys::enter_netns(netns->get())) continue;
    auto socket = netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) continue;
    const auto link = netlink::get_link(*socket, wiring.inner);
    if (link && *link && (*link)->mac == wiring.inner_mac) return path;
  }
  return {};
}

std::string living_namespace(const model::Space& space, const model::Settings& settings) {
  std::string path;
  std::jthread([&] { path = find_living(space, settings); }).join();
  return path;
}

RoomOrder order_for(const SpaceChange& change, const model::Settings& settings, const std::string& adopt) {
  const auto& name = change.space->name;
  if (!adopt.empty()) return {name, RoomOrder::Kind::adopt, adopt};
  if (!change.missing.has(Part::netns)) return {name, RoomOrder::Kind::open, {}};
  if (change.seen.outer_exists)
    if (const auto path = living_namespace(*change.space, settings); !path.empty())
      return {name, RoomOrder::Kind::adopt, path};
  return {name, RoomOrder::Kind::make, {}};
}

class Builder {
 public:
  Builder(netlink::Socket& host, const model::Settings& settings, const HostFacts& facts)
      : host_(host), settings_(settings), facts_(facts) {}

  Status work(const SpaceChange& change, RoomOrder::Kind how, Result<Room> room) {
    if (!room) return std::unexpected(std::move(room).error());
    const Site site{settings_, facts_, *change.space, model::wiring(*change.space, settings_)};
    // With the namespace found again its link is whole; only a fresh or linkless one needs a new pair.
    const bool found = how == RoomOrder::Kind::adopt && change.seen.outer_exists;
    const bool wants_link = change.missing.has(Part::veth) && !found;
    if (!wants_link) return furnish(site, *room, found ? model::all_parts(settings_) : change.missing);
    Rollback undo;
    if (how != RoomOrder::Kind::open) undo.push([&] { (void)sys::unpin(change.space->name); });
    if (change.seen.outer_exists) remove_link(site);
    TRY(connect(host_, site, *room));
    undo.push([&] { remove_link(site); });
    TRY(furnish(site, *room, model::all_parts(settings_)));
    undo.commit();
    return {};
  }

 private:
  Status furnish(const Site& site, Room& room, model::Parts parts) {
    TRY(furnish_inside(room, site, parts));
    return furnish_outside(host_, site, parts);
  }
  void remove_link(const Site& site) {
    netlink::Batch batch;
    netlink::delete_link(batch, site.wiring.outer);
    (void)host_.run(batch);  // its peer may have taken it along
  }

  netlink::Socket& host_;
  const model::Settings& settings_;
  const HostFacts& facts_;
};

}  // namespace

Result<std::vector<SpaceFailure>> build_spaces(Kernel& kernel, const model::Settings& settings,
                                               const HostFacts& facts, const std::vector<SpaceChange>& changes,
                                               const Progress& progress, const std::string& adopt) {
  std::vector<SpaceFailure> failures;
  if (changes.empty()) return failures;
  TRY(sys::prepare_pins());
  std::vector<RoomOrder> orders;
  for (const auto& change : changes) orders.push_back(order_for(change, settings, adopt));
  Builder builder(*TRY(kernel.route()), settings, facts);
  RoomSource rooms(orders);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto status = builder.work(changes[i], orders[i].kind, rooms.next());
    if (!status) failures.push_back({changes[i].space->name, std::move(status).error()});
    if (progress) progress(i + 1, changes.size());
  }
  return failures;
}

Status delete_links(Kernel& kernel, const std::vector<IfName>& names) {
  if (names.empty()) return {};
  auto& host = *TRY(kernel.route());
  netlink::Batch batch;
  // Moved to a group of their own first, they go in one request and the kernel waits only once.
  netlink::LinkChange leave;
  leave.group = model::kLeavingGroup;
  for (const auto& name : names) netlink::change_link(batch, name, leave);
  netlink::delete_group(batch, model::kLeavingGroup);
  for (const auto& failure : TRY(host.run_all(batch)))
    if (failure.error.code != Code::not_found) return std::unexpected(failure.error);
  return {};
}

Status tear_down(Kernel& kernel, const model::Settings& settings, const std::vector<const model::Space*>& spaces) {
  std::vector<IfName> links;
  for (const auto* space : spaces) links.push_back(model::wiring(*space, settings).outer);
  TRY(delete_links(kernel, links));
  for (const auto* space : spaces) TRY_WRAP("space " + space->name.str(), sys::unpin(space->name));
  return {};
}

}  // namespace warren::apply
