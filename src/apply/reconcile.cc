// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "apply/change.h"
#include "apply/engine.h"
#include "apply/ports.h"
#include "store/forwards.h"
#include "store/spaces.h"

namespace warren::apply {

using model::Forward;
using model::Space;
using model::State;

namespace {

/// What `all` has and `other` has not; both sorted.
std::vector<Forward> missing(const std::vector<Forward>& all, const std::vector<Forward>& other) {
  std::vector<Forward> left;
  std::ranges::set_difference(all, other, std::back_inserter(left));
  return left;
}

std::string list(std::string_view verb, const std::vector<Forward>& forwards) {
  std::string text;
  for (const auto& forward : forwards)
    text += fmt::format("{}{}", text.empty() ? fmt::format("{} ", verb) : ", ", forward.str());
  return text;
}

std::string in_words(const Change& change) {
  std::vector<std::string> parts;
  if (change.before.state != change.after.state)
    parts.push_back(fmt::format("goes {}", name(change.after.state)));
  if (change.before.ip4 != change.after.ip4 || change.before.ip6 != change.after.ip6)
    parts.push_back("changes address");
  if (change.before.nat != change.after.nat) parts.push_back(change.after.nat ? "gets NAT" : "loses NAT");
  parts.push_back(list("removes", missing(change.before.forwards, change.after.forwards)));
  parts.push_back(list("adds", missing(change.after.forwards, change.before.forwards)));
  std::ranges::copy(device_words(change), std::back_inserter(parts));
  std::erase(parts, "");
  return fmt::format("{}", fmt::join(parts, "; "));
}

bool moves(const Change& change) {
  return change.before.ip4 != change.after.ip4 || change.before.ip6 != change.after.ip6;
}

/// Gives a space that runs its new addresses: a new link into the namespace that it has, whose processes
/// stay.
void move_space(Work& work, const Change& change, const model::Settings& settings) {
  end_space(work, change.before, settings);
  work.tear_down.pop_back();
  build_space(work, change.after, settings);
  work.build.back().missing.set(model::Part::netns, false);
  work.build.back().seen.outer_exists = true;
}

/// The kernel's part of a change to a space that stays.
void change_space(Work& work, const Change& change, const model::Settings& settings) {
  change_devices(work, change);
  const bool was = change.before.state == State::up;
  const bool is = change.after.state == State::up;
  if (was && !is) return end_space(work, change.before, settings);
  if (is && !was) return build_space(work, change.after, settings);
  if (!is || !change.after.uplink) return;
  if (moves(change)) return move_space(work, change, settings);
  const auto wiring = model::wiring(change.after, settings);
  change_forwards(work, wiring, change.before.forwards, change.after.forwards);
  if (change.before.nat == change.after.nat) return;
  auto& list = change.after.nat ? work.remove : work.add;
  const auto elements = model::elements(change.after.nat ? change.before : change.after, settings);
  for (const auto& element : elements)
    if (element.set == SetId::no_nat) list.push_back(element);
}

/// The forwards that a request asks for. One without a host port is content with any that leads to its port.
void take_forwards(const SpaceRequest& request, Change& change) {
  auto& wanted = change.after.forwards;
  wanted.clear();
  for (const auto& spec : request.ports) {
    auto missing = spec;
    missing.protos.clear();
    for (const auto& want : spec.forwards(spec.ports.value_or(PortRange{}))) {
      const auto serves = [&](const Forward& have) {
        return have.proto == want.proto && have.host == want.host && have.to == want.to &&
               have.ports.single();
      };
      const auto found = std::ranges::find_if(change.before.forwards, serves);
      if (spec.ports)
        wanted.push_back(want);
      else if (found != change.before.forwards.end())
        wanted.push_back(*found);
      else
        missing.protos.push_back(want.proto);
    }
    if (!missing.protos.empty()) change.pick.push_back(missing);
  }
  std::ranges::sort(wanted);
}

}  // namespace

/// Everything that one `apply` decides, before it is written.
struct Reconciliation {
  std::vector<const SpaceRequest*> create;
  std::vector<Change> changes;
  std::vector<Space> remove;
};

namespace {

/// What of a space a request asks to be different.
Change change_for(const Space& space, const SpaceRequest& request) {
  Change change{space, space, {}, {}, {}};
  change.after.ip4 = request.ip4;
  change.after.ip6 = request.ip6;
  change.after.nat = request.nat;
  change.after.uplink = request.uplink;
  take_devices(request.devices, change);
  change.after.state = request.up ? State::up : State::down;
  take_forwards(request, change);
  return change;
}

Reconciliation reconcile(const std::vector<Space>& stored, const std::vector<SpaceRequest>& requests,
                         bool prune) {
  std::map<SpaceName, const Space*> by_name;
  for (const auto& space : stored) by_name.emplace(space.name, &space);
  Reconciliation plan;
  std::set<SpaceName> named;
  for (const auto& request : requests) {
    named.insert(request.name);
    const auto found = by_name.find(request.name);
    if (found == by_name.end())
      plan.create.push_back(&request);
    else if (auto change = change_for(*found->second, request);
             change.before != change.after || !change.pick.empty())
      plan.changes.push_back(std::move(change));
  }
  if (!prune) return plan;
  for (const auto& space : stored)
    if (!named.contains(space.name)) plan.remove.push_back(space);
  return plan;
}

/// The spaces whose namespaces go: those that are removed, and those that go down.
std::vector<Space> leaving(const Reconciliation& plan) {
  auto spaces = plan.remove;
  for (const auto& change : plan.changes)
    if (change.before.state == State::up && change.after.state != State::up) spaces.push_back(change.before);
  return spaces;
}

/// The spaces that come up: those that are new, and those that were down.
std::vector<Space> coming(const Reconciliation& plan, const std::vector<Space>& created) {
  std::vector<Space> spaces;
  for (const auto& space : created)
    if (space.state == State::up) spaces.push_back(space);
  for (const auto& change : plan.changes)
    if (change.before.state != State::up && change.after.state == State::up) spaces.push_back(change.after);
  return spaces;
}

std::vector<SpaceStep> steps_of(const Reconciliation& plan, const std::vector<Space>& created) {
  std::vector<SpaceStep> steps;
  for (const auto& space : plan.remove) steps.push_back({SpaceStep::Kind::remove, space.name, "goes"});
  for (const auto& change : plan.changes)
    steps.push_back({SpaceStep::Kind::change, change.after.name, in_words(change)});
  for (const auto& space : created)
    steps.push_back({SpaceStep::Kind::create, space.name, list("adds", space.forwards)});
  return steps;
}

/// Those whose namespaces come or go.
std::vector<Space> touched_by(const Reconciliation& plan, const std::vector<Space>& created) {
  auto spaces = created;
  for (const auto& space : plan.remove) {
    spaces.push_back(space);
    spaces.back().state = State::removing;
  }
  for (const auto& change : plan.changes)
    if (change.before.state != change.after.state) spaces.push_back(change.after);
  return spaces;
}

}  // namespace

/// What goes is written first, so that a port may change hands in one file.
Status Engine::store_removals(const Reconciliation& plan) {
  for (const auto& space : plan.remove) {
    TRY(store_.spaces().set_state(space.number, State::removing));
    for (const auto& forward : space.forwards) TRY(store_.forwards().erase(space.number, forward));
  }
  for (const auto& change : plan.changes)
    for (const auto& forward : missing(change.before.forwards, change.after.forwards))
      TRY(store_.forwards().erase(change.before.number, forward));
  return {};
}

Status Engine::store_change(Change& change, PortResolver& ports) {
  auto& before = change.before;
  auto& after = change.after;
  if (before.uplink != after.uplink)
    return fail(Code::usage, fmt::format("it is made {} an uplink: remove it, and add it anew",
                                         before.uplink ? "with" : "without"));
  if (!after.uplink && !(after.forwards.empty() && change.pick.empty()))
    return std::unexpected(no_forwards(after.name));
  TRY(check_addresses(after));
  const auto [ip4, ip6] = addresses(after);
  TRY(store_.spaces().update(after, ip4, ip6));
  if (before.state != after.state) TRY(store_.spaces().set_state(after.number, after.state));
  for (const auto& forward : missing(after.forwards, before.forwards)) {
    TRY(ports.check(forward));
    TRY(store_.forwards().insert(after.number, forward));
  }
  const auto picked = TRY(ports.resolve(change.pick));
  for (const auto& forward : picked) TRY(store_.forwards().insert(after.number, forward));
  std::ranges::copy(picked, std::back_inserter(after.forwards));
  std::ranges::sort(after.forwards);
  return store_devices(change);
}

Result<std::vector<Space>> Engine::store_all(Reconciliation& plan) {
  TRY(store_removals(plan));
  PortResolver ports(store_, settings_);
  for (auto& change : plan.changes) TRY_WRAP("space " + change.after.name.str(), store_change(change, ports));
  // Only now is it known what all of them have: addresses may go from one to another.
  for (const auto& change : plan.changes)
    for (const auto& device : change.put_devices)
      TRY_WRAP(fmt::format("space {}: device {}", change.after.name.str(), device.name.str()),
               check_device_addresses(change.after, device));
  std::vector<Space> created;
  for (const auto* request : plan.create)
    created.push_back(TRY_WRAP("space " + request->name.str(), insert(*request, ports)));
  return created;
}

Result<Engine::ApplyReport> Engine::apply(const std::vector<SpaceRequest>& requests,
                                          const ApplyOptions& options) {
  if (std::ranges::any_of(requests, &SpaceRequest::uplink)) TRY(require_uplink(*TRY(facts()), settings_));
  auto plan = reconcile(TRY(store_.spaces().all()), requests, options.prune);
  auto transaction = TRY(store_.begin());
  const auto created = TRY(store_all(plan));
  ApplyReport report;
  report.steps = steps_of(plan, created);
  if (options.dry_run || report.steps.empty()) return report;
  const auto rising = coming(plan, created);
  const auto falling = leaving(plan);
  TRY(begin_moves(rising, falling, options.force));
  const auto touched = touched_by(plan, created);
  for (const auto& space : touched) TRY(sessions().hold(space));
  TRY(commit_held(std::move(transaction)));
  Work work;
  for (const auto& space : plan.remove) end_space(work, space, settings_);
  for (const auto& change : plan.changes) change_space(work, change, settings_);
  for (const auto& space : created)
    if (space.state == State::up) build_space(work, space, settings_);
  for (const auto& space : created) std::ranges::move(TRY(confined(space)), std::back_inserter(work.add));
  report.failures = TRY(carry_out(work, options.progress));
  TRY(settle_sessions(touched, report.failures));
  end_rise(rising, report.failures);
  end_fall(falling);
  move_device_failures(report.failures);
  if (!plan.remove.empty()) TRY(forget(plan.remove));
  TRY(leave_if_unused());
  return report;
}

}  // namespace warren::apply
