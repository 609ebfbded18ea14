// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/spaces.h"

#include <algorithm>
#include <fmt/format.h>

#include "engine/request.h"
#include "host/links.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "store/spaces.h"
#include "sys/netns.h"

namespace warren::engine {
namespace {

using kinds::Ask;
using kinds::Operation;
using model::Desired;
using model::Space;
using model::State;

Status check_pin(const Place& place, const SpaceName& name) {
  const auto pin = place.pin(name.str());
  if (!sys::open_netns(pin)) return {};
  return fail(
      Code::exists,
      fmt::format(
          "a network namespace '{0}' exists already: choose another name, or `warren adopt {0}_ --path {1}`",
          name.str(), pin));
}

/// A link that a crash left is ours, and goes as the space is built; any other is not.
Status check_link(netlink::Socket& route, const IfName& name) {
  if (!netlink::link_index(route, name)) return {};
  const auto link = TRY(netlink::get_link(route, name));
  if (!link || host::is_own(*link)) return {};
  return fail(Code::exists,
              fmt::format("a link {} exists already, and is not ours: rename or delete it", name.str()));
}

/// Neither the host's own namespace nor a space's: there, our routes would take the place of those that
/// stand.
Result<UniqueFd> open_adoptable(const std::string& path, Ask& ask) {
  auto netns = TRY(sys::open_netns(path));
  const auto id = TRY(sys::netns_id(netns.get()));
  if (id == TRY(sys::netns_id(TRY(sys::current_netns()).get())))
    return fail(Code::usage, path + " is the host's own network namespace");
  for (const auto& space : TRY(ask.store.spaces().all())) {
    const auto pinned = sys::open_netns(ask.kernel.place().pin(space.name.str()));
    if (pinned && TRY(sys::netns_id(pinned->get())) == id)
      return fail(Code::exists,
                  fmt::format("{} is the namespace of space {} already", path, space.name.str()));
  }
  return netns;
}

Status add_one(const SpaceRequest& request, Desired& desired, Ask& ask) {
  if (request.uplink) TRY(host::require_uplink(*TRY(ask.facts()), ask.settings));
  TRY(check_pin(ask.kernel.place(), request.name));
  forward::PortResolver ports(ask, false);
  const device::Others others(ask.store);
  TRY(insert_space(request, desired, ports, ask, &others));
  const auto& space = desired.spaces.back();
  return space.uplink ? check_link(*TRY(ask.kernel.route()), model::wiring(space, ask.settings).outer)
                      : Status();
}

Status adopt_again(Space& space, const SpaceRequest& request) {
  if (!request.ports.empty())
    return fail(Code::usage,
                fmt::format("the space exists and keeps its forwards; `warren port add {0}` adds more",
                            space.name.str()));
  if (space.state != State::down)
    return fail(Code::exists,
                fmt::format("space '{0}' has a namespace: `warren down {0}` first", space.name.str()));
  space.state = State::up;
  return {};
}

Status adopt_one(const SpaceRequest& request, const std::string& path, Desired& desired, Ask& ask) {
  if (desired.spaces.empty())
    TRY(add_one(request, desired, ask));
  else
    TRY(adopt_again(desired.spaces.front(), request));
  auto netns = std::make_shared<const UniqueFd>(TRY(open_adoptable(path, ask)));
  desired.spaces.front().adopted = true;
  ask.adopted.emplace(request.name, std::move(netns));
  return {};
}

void lower(Space& space, State state) {
  if (state == State::removing || space.state == State::up) space.state = state;
}

Operation lowering(std::vector<SpaceName> names, State state) {
  Operation operation;
  operation.touches = names;
  operation.change = [names = std::move(names), state](Desired& desired, Ask&) -> Status {
    for (const auto& name : names) lower(*TRY(kinds::find(desired, name)), state);
    return {};
  };
  operation.on_failure = Operation::OnFailure::go_on;
  return operation;
}

Operation lowering_all(State state) {
  Operation operation;
  operation.touches_all = true;
  operation.change = [state](Desired& desired, Ask&) -> Status {
    for (auto& space : desired.spaces) lower(space, state);
    return {};
  };
  operation.on_failure = Operation::OnFailure::go_on;
  return operation;
}

}  // namespace

Operation add_space(SpaceRequest request) {
  Operation operation;
  operation.touches = {request.name};
  operation.change = [request = std::move(request)](Desired& desired, Ask& ask) {
    return add_one(request, desired, ask);
  };
  return operation;
}

Operation adopt_space(SpaceRequest request, std::string path) {
  Operation operation;
  operation.touches = {request.name};
  operation.change = [request = std::move(request), path = std::move(path)](Desired& desired, Ask& ask) {
    return adopt_one(request, path, desired, ask);
  };
  return operation;
}

Operation remove_spaces(std::vector<SpaceName> names) { return lowering(std::move(names), State::removing); }
Operation take_down(std::vector<SpaceName> names) { return lowering(std::move(names), State::down); }
Operation remove_all() { return lowering_all(State::removing); }
Operation take_down_all() { return lowering_all(State::down); }

}  // namespace warren::engine
