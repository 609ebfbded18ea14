// SPDX-License-Identifier: GPL-2.0-or-later
// What a file says of many spaces, as one operation.
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "engine/request.h"
#include "engine/spaces.h"
#include "kinds/device/aspects.h"
#include "kinds/device/ops.h"
#include "kinds/forward/ops.h"

namespace warren::engine {
namespace {

using kinds::Ask;
using kinds::Operation;
using model::Desired;
using model::Forward;
using model::Space;
using model::State;

using Requests = std::vector<SpaceRequest>;

/// The forwards that a request asks for. One without a host port is content with any that leads to its port.
/// Gives the specifications for which one is still to be picked.
std::vector<model::ForwardSpec> take_forwards(const SpaceRequest& request, Space& space) {
  const auto before = space.forwards;
  std::vector<model::ForwardSpec> pick;
  space.forwards.clear();
  for (const auto& spec : request.ports) {
    auto missing = spec;
    missing.protos.clear();
    for (const auto& want : spec.forwards(spec.ports.value_or(PortRange{}))) {
      const auto found = std::ranges::find_if(before, [&](const Forward& have) {
        return have.proto == want.proto && have.host == want.host && have.to == want.to &&
               have.ports.single();
      });
      if (spec.ports)
        space.forwards.push_back(want);
      else if (found != before.end())
        space.forwards.push_back(*found);
      else
        missing.protos.push_back(want.proto);
    }
    if (!missing.protos.empty()) pick.push_back(missing);
  }
  std::ranges::sort(space.forwards);
  return pick;
}

/// A space that is there, on its way to what its request says.
struct Changed {
  Space before;
  Space* after;
  std::vector<model::ForwardSpec> pick;
};

Status change_one(Changed& changed, const SpaceRequest& request) {
  auto& space = *changed.after;
  if (space.uplink != request.uplink)
    return fail(Code::usage, fmt::format("it is made {} an uplink: remove it, and add it anew",
                                         space.uplink ? "with" : "without"));
  if (!request.uplink && !request.ports.empty()) return std::unexpected(forward::no_uplink(space.name));
  space.ip4 = request.ip4, space.ip6 = request.ip6, space.nat = request.nat;
  space.state = request.up ? State::up : State::down;
  device::take_wanted(request.devices, space);
  changed.pick = take_forwards(request, space);
  return {};
}

/// Those that stay keep their ports; then new ones are checked against all.
Status take_ports(std::vector<Changed>& changes, Desired& desired, forward::PortResolver& ports) {
  std::map<SpaceName, const Space*> was;
  for (const auto& changed : changes) was.emplace(changed.before.name, &changed.before);
  const auto stood = [&](const Space& space, const Forward& forward) {
    const auto found = was.find(space.name);
    return found == was.end() || std::ranges::binary_search(found->second->forwards, forward);
  };
  for (const auto& space : desired.spaces)
    if (space.state != State::removing)
      for (const auto& forward : space.forwards)
        if (stood(space, forward)) ports.take(space.name, forward);
  for (const auto& changed : changes) {
    auto& space = *changed.after;
    const auto what = "space " + space.name.str();
    for (const auto& forward : forward::missing(space.forwards, changed.before.forwards)) {
      TRY_WRAP(what, ports.check(space.name, forward));
      ports.take(space.name, forward);
    }
    for (auto& forward : TRY_WRAP(what, ports.resolve(space.name, changed.pick)))
      space.forwards.push_back(forward);
    std::ranges::sort(space.forwards);
  }
  return {};
}

/// Only when all is decided is it known what all of them have: addresses may go from one to another.
Status check_devices(const Desired& before, const Desired& desired, Ask& ask) {
  const device::Others others(desired.spaces);
  for (const auto& space : desired.spaces) {
    if (space.state == State::removing) continue;
    const auto had = std::ranges::find(before.spaces, space.number, &Space::number);
    for (const auto& device : space.devices) {
      if (device.leaving) continue;
      const bool stays =
          had != before.spaces.end() && std::ranges::find(had->devices, device) != had->devices.end();
      if (stays) continue;
      const auto what = fmt::format("space {}: device {}", space.name.str(), device.name.str());
      TRY_WRAP(what, device::check(space, device, others, ask));
      TRY_WRAP(what, device::check_addresses(space, device, others, ask));
    }
  }
  return {};
}

Result<std::vector<Changed>> change_all(const Requests& requests, bool prune, Desired& desired) {
  std::map<SpaceName, const SpaceRequest*> asked;
  for (const auto& request : requests) asked.emplace(request.name, &request);
  std::vector<Changed> changes;
  for (auto& space : desired.spaces) {
    const auto found = asked.find(space.name);
    if (found != asked.end()) {
      changes.push_back({space, &space, {}});
      TRY_WRAP("space " + space.name.str(), change_one(changes.back(), *found->second));
    } else if (prune) {
      space.state = State::removing;
      space.forwards.clear();  // a port may change hands in one file
    }
  }
  return changes;
}

Status apply_all(const Requests& requests, bool prune, Desired& desired, Ask& ask) {
  if (std::ranges::any_of(requests, &SpaceRequest::uplink))
    TRY(host::require_uplink(*TRY(ask.facts()), ask.settings));
  const auto before = desired;
  forward::PortResolver ports(ask, true);
  auto changes = TRY(change_all(requests, prune, desired));
  for (const auto& changed : changes)
    if (changed.before.ip4 != changed.after->ip4 || changed.before.ip6 != changed.after->ip6)
      TRY_WRAP("space " + changed.before.name.str(), check_given(*changed.after, desired, ask));
  TRY(take_ports(changes, desired, ports));
  std::set<SpaceName> known;
  for (const auto& space : before.spaces) known.insert(space.name);
  for (const auto& request : requests)
    if (!known.contains(request.name))
      TRY_WRAP("space " + request.name.str(), insert_space(request, desired, ports, ask, nullptr));
  return check_devices(before, desired, ask);
}

std::string list(std::string_view verb, const std::vector<Forward>& forwards) {
  std::string text;
  for (const auto& forward : forwards)
    text += fmt::format("{}{}", text.empty() ? fmt::format("{} ", verb) : ", ", forward.str());
  return text;
}

std::string in_words(const Space& before, const Space& after) {
  std::vector<std::string> parts;
  if (before.state != after.state) parts.push_back(fmt::format("goes {}", name(after.state)));
  if (before.ip4 != after.ip4 || before.ip6 != after.ip6) parts.emplace_back("changes address");
  if (before.nat != after.nat) parts.emplace_back(after.nat ? "gets NAT" : "loses NAT");
  parts.push_back(list("removes", forward::missing(before.forwards, after.forwards)));
  parts.push_back(list("adds", forward::missing(after.forwards, before.forwards)));
  std::ranges::copy(device::words(before, after), std::back_inserter(parts));
  std::erase(parts, "");
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

Operation apply(Requests requests, bool prune) {
  Operation operation;
  operation.touches_all = true;
  operation.change = [requests = std::move(requests), prune](Desired& desired, Ask& ask) {
    return apply_all(requests, prune, desired, ask);
  };
  operation.on_failure = Operation::OnFailure::go_on;
  return operation;
}

std::vector<SpaceStep> steps_of(const Report& report) {
  std::vector<SpaceStep> goes, changes, comes;
  for (const auto& space : report.after.spaces) {
    const auto had = std::ranges::find(report.before.spaces, space.number, &Space::number);
    if (had == report.before.spaces.end())
      comes.push_back({SpaceStep::Kind::create, space.name, list("adds", space.forwards)});
    else if (had->state != State::removing && space.state == State::removing)
      goes.push_back({SpaceStep::Kind::remove, space.name, "goes"});
    else if (*had != space)
      changes.push_back({SpaceStep::Kind::change, space.name, in_words(*had, space)});
  }
  std::ranges::move(changes, std::back_inserter(goes));
  std::ranges::move(comes, std::back_inserter(goes));
  return goes;
}

}  // namespace warren::engine
