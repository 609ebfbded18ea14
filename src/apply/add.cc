// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "apply/engine.h"
#include "apply/ports.h"
#include "apply/table.h"
#include "netlink/link.h"
#include "store/spaces.h"
#include "sys/netns.h"

namespace warren::apply {
namespace {

Status check_pin(const SpaceName& name) {
  if (!sys::open_netns(sys::pin_path(name))) return {};
  return fail(
      Code::exists,
      fmt::format(
          "a network namespace '{0}' exists already: choose another name, or `warren adopt {0}_ --path {1}`",
          name.str(), sys::pin_path(name)));
}

/// Neither the host's own namespace nor a space's: there, our routes would take the place of those that
/// stand.
Result<UniqueFd> open_adoptable(const std::string& path, const std::vector<model::Space>& spaces) {
  auto netns = TRY(sys::open_netns(path));
  const auto id = TRY(sys::netns_id(netns.get()));
  if (id == TRY(sys::netns_id(TRY(sys::current_netns()).get())))
    return fail(Code::usage, path + " is the host's own network namespace");
  for (const auto& space : spaces) {
    const auto pinned = sys::open_netns(sys::pin_path(space.name));
    if (pinned && TRY(sys::netns_id(pinned->get())) == id)
      return fail(Code::exists,
                  fmt::format("{} is the namespace of space {} already", path, space.name.str()));
  }
  return netns;
}

/// A link that a crash left is ours to delete, any other is not.
Status check_link(netlink::Socket& route, const IfName& name) {
  if (!netlink::link_index(route, name)) return {};
  const auto link = TRY(netlink::get_link(route, name));
  if (!link) return {};
  if (link->group != model::kLinkGroup && link->group != model::kLeavingGroup)
    return fail(Code::exists,
                fmt::format("a link {} exists already, and is not ours: rename or delete it", name.str()));
  netlink::Batch batch;
  netlink::delete_link(batch, name);
  return route.run(batch);
}

RoomOrder adoption(const SpaceName& name, UniqueFd netns) {
  return {name, RoomOrder::Kind::adopt, std::make_shared<const UniqueFd>(std::move(netns))};
}

}  // namespace

std::pair<Ip, std::optional<Ip>> Engine::addresses(const model::Space& space) const {
  const auto wiring = model::wiring(space, settings_);
  return {wiring.ip4, wiring.ip6};
}

Status Engine::check_addresses(const model::Space& space) {
  for (const auto& ip : {space.ip4, space.ip6}) {
    if (!ip) continue;
    TRY(model::check_address(settings_, *ip));
    if (const auto owner = TRY(store_.spaces().owner_of(*ip)); owner && *owner != space.name)
      return fail(Code::exists, fmt::format("address {} is space {}'s", ip->str(), owner->str()));
  }
  if (space.ip4 && !space.ip4->is_v4())
    return fail(Code::usage, fmt::format("{} is no IPv4 address: give it with --ip6", space.ip4->str()));
  if (space.ip6 && space.ip6->is_v4())
    return fail(Code::usage, fmt::format("{} is no IPv6 address: give it with --ip4", space.ip6->str()));
  return {};
}

Result<model::Space> Engine::insert(const SpaceRequest& request, PortResolver& ports) {
  if (TRY(store_.spaces().find(request.name)))
    return fail(Code::exists, fmt::format("there is a space '{}' already", request.name.str()));
  model::Space space;
  space.name = request.name;
  space.ip4 = request.ip4;
  space.ip6 = request.ip6;
  space.nat = request.nat;
  space.uplink = request.uplink;
  if (!space.uplink && !request.ports.empty()) return std::unexpected(no_forwards(space.name));
  space.adopted = !request.adopt.empty();
  space.state = request.up ? model::State::up : model::State::down;
  if (!space.uplink && (space.ip4 || space.ip6))
    return fail(Code::usage,
                fmt::format("space {} has no uplink, and so no address of the pool: leave that out",
                            space.name.str()));
  TRY(check_addresses(space));
  const auto of_number = [&](SpaceNumber number) {
    space.number = number;
    return addresses(space);
  };
  const bool keeps = request.number && *request.number <= model::last_number(settings_) &&
                     !TRY(store_.spaces().find(*request.number)) &&
                     !TRY(store_.spaces().owner_of(of_number(*request.number).first));
  space.number =
      keeps ? *request.number : TRY(store_.spaces().allocate(model::last_number(settings_), of_number));
  space.forwards = TRY(ports.resolve(request.ports));
  TRY(insert_devices(space, request.devices));
  const auto [ip4, ip6] = addresses(space);
  TRY(store_.spaces().insert(space, ip4, ip6));
  return space;
}

Result<model::Space> Engine::finish_add(model::Space space, RoomSource& room) {
  Work work;
  build_space(work, space, settings_);
  std::ranges::move(TRY(confined(space)), std::back_inserter(work.add));
  auto failures = carry_out(work, {}, &room);
  if (failures && failures->empty()) {
    TRY(settle_sessions({space}, {}));
    end_rise({space}, {});
    return space;
  }
  auto error = failures ? std::move(failures->front().error) : std::move(failures).error();
  // Back to where it was: the kernel first, so that a failure here is still known to the store.
  Work undo;
  end_space(undo, space, settings_);
  (void)change_table(*TRY(facts()), undo.remove, {});
  TRY(tear_down(kernel_, settings_, undo.tear_down));
  auto gone = TRY(confined(space));
  auto transaction = TRY(store_.begin());
  TRY(store_.spaces().erase(space.number));
  TRY(transaction.commit());
  TRY(sessions().withdraw(space));
  TRY(release(std::move(gone)));
  hooks_.fallen(space, settings_);
  if (TRY(store_.spaces().count()) == 0) TRY(leave_host());
  return std::unexpected(std::move(error));
}

Result<model::Space> Engine::add(const SpaceRequest& request, bool dry_run) {
  if (request.uplink) TRY(require_uplink(*TRY(facts()), settings_));
  TRY(check_pin(request.name));
  RoomOrder order{request.name};
  if (!request.adopt.empty())
    order = adoption(request.name, TRY(open_adoptable(request.adopt, TRY(store_.spaces().all()))));
  // The namespace comes into being while the store is written. Until that is done it has no name.
  std::optional<RoomSource> room;
  if (!dry_run) room.emplace(std::vector{std::move(order)}, true);
  auto transaction = TRY(store_.begin());
  PortResolver ports(store_, settings_);
  auto space = TRY(insert(request, ports));
  if (dry_run) return space;
  if (space.uplink) TRY(check_link(*TRY(kernel_.route()), model::wiring(space, settings_).outer));
  TRY(hooks_.rise(space, settings_));  // nothing is written yet that would have to be taken back
  const auto written = [&]() -> Status {
    TRY(sys::prepare_pins());
    TRY(sessions().hold(space));
    return commit_held(std::move(transaction));
  }();
  if (!written) {
    hooks_.fallen(space, settings_);
    return std::unexpected(written.error());
  }
  room->release();
  return finish_add(std::move(space), *room);
}

Result<model::Space> Engine::adopt_again(const SpaceName& name, const std::string& path) {
  auto space = TRY(find(name));
  if (space.state != model::State::down)
    return fail(Code::exists,
                fmt::format("space '{0}' has a namespace: `warren down {0}` first", name.str()));
  auto netns = TRY(open_adoptable(path, TRY(store_.spaces().all())));
  TRY(hooks_.rise(space, settings_));
  auto transaction = TRY(store_.begin());
  TRY(store_.spaces().set_adopted(space.number, true));
  TRY(store_.spaces().set_state(space.number, model::State::up));
  TRY(transaction.commit());
  space.adopted = true, space.state = model::State::up;
  Work work;
  build_space(work, space, settings_);
  RoomSource room({adoption(name, std::move(netns))});
  const auto failures = TRY(carry_out(work, {}, &room));
  if (failures.empty()) TRY(settle_sessions({space}, {}));
  end_rise({space}, failures);
  if (!failures.empty()) return std::unexpected(failures.front().error);
  if (!device_failures_.empty()) return std::unexpected(device_failures_.front().error);
  return space;
}

}  // namespace warren::apply
