// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "apply/engine.h"
#include "apply/ports.h"

namespace warren::apply {
namespace {

using model::Forward;
using model::Space;
using model::State;

/// A space that stays, before and after.
struct Change {
  Space before;
  Space after;
};

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
  std::erase(parts, "");
  return fmt::format("{}", fmt::join(parts, "; "));
}

bool moves(const Change& change) {
  return change.before.ip4 != change.after.ip4 || change.before.ip6 != change.after.ip6;
}

/// The kernel's part of a change to a space that stays.
void change_space(Work& work, const Change& change, const model::Settings& settings) {
  const bool was = change.before.state == State::up;
  const bool is = change.after.state == State::up;
  if (was && (!is || moves(change))) end_space(work, change.before, settings);
  if (is && (!was || moves(change))) return build_space(work, change.after, settings);
  if (!was || !is) return;
  const auto wiring = model::wiring(change.after, settings);
  change_forwards(work, wiring, change.before.forwards, change.after.forwards);
  if (change.before.nat == change.after.nat) return;
  auto& list = change.after.nat ? work.remove : work.add;
  for (const auto& element : model::elements(change.after.nat ? change.before : change.after, settings))
    if (element.set == SetId::no_nat) list.push_back(element);
}

/// Forwards of a request that names all its host ports, sorted; nothing where one is still to be picked.
std::optional<std::vector<Forward>> fixed_forwards(const SpaceRequest& request) {
  std::vector<Forward> all;
  for (const auto& spec : request.ports) {
    if (!spec.ports) return std::nullopt;
    for (const auto& forward : spec.forwards(*spec.ports)) all.push_back(forward);
  }
  std::ranges::sort(all);
  return all;
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
  Change change{space, space};
  change.after.ip4 = request.ip4;
  change.after.ip6 = request.ip6;
  change.after.nat = request.nat;
  change.after.state = request.up ? State::up : State::down;
  change.after.forwards = fixed_forwards(request).value_or(space.forwards);
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
    else if (auto change = change_for(*found->second, request); change.before != change.after)
      plan.changes.push_back(std::move(change));
  }
  if (!prune) return plan;
  for (const auto& space : stored)
    if (!named.contains(space.name)) plan.remove.push_back(space);
  return plan;
}

}  // namespace

/// What goes is written first, so that a port may change hands in one file.
Status Engine::store_removals(const Reconciliation& plan) {
  for (const auto& space : plan.remove) {
    TRY(store_.set_state(space.number, State::removing));
    for (const auto& forward : space.forwards) TRY(store_.remove_forward(space.number, forward));
  }
  for (const auto& change : plan.changes)
    for (const auto& forward : missing(change.before.forwards, change.after.forwards))
      TRY(store_.remove_forward(change.before.number, forward));
  return {};
}

Status Engine::store_change(const Space& before, const Space& after, PortResolver& ports) {
  TRY(check_addresses(after));
  const auto [ip4, ip6] = addresses(after);
  TRY(store_.update(after, ip4, ip6));
  if (before.state != after.state) TRY(store_.set_state(after.number, after.state));
  for (const auto& forward : missing(after.forwards, before.forwards)) {
    TRY(ports.check(forward));
    TRY(store_.add_forward(after.number, forward));
  }
  return {};
}

Result<std::vector<Space>> Engine::store_all(const Reconciliation& plan) {
  TRY(store_removals(plan));
  PortResolver ports(store_, settings_);
  for (const auto& change : plan.changes)
    TRY_WRAP("space " + change.after.name.str(), store_change(change.before, change.after, ports));
  std::vector<Space> created;
  for (const auto* request : plan.create)
    created.push_back(TRY_WRAP("space " + request->name.str(), insert(*request, ports)));
  return created;
}

Result<Engine::ApplyReport> Engine::apply(const std::vector<SpaceRequest>& requests,
                                          const ApplyOptions& options) {
  TRY(require_uplink(TRY(facts()), settings_));
  const auto plan = reconcile(TRY(store_.load_all()), requests, options.prune);
  TRY(vacate(plan.remove, options.force || options.dry_run));
  auto transaction = TRY(store_.begin());
  const auto created = TRY(store_all(plan));
  ApplyReport report;
  for (const auto& space : plan.remove) report.steps.push_back({SpaceStep::Kind::remove, space.name, "goes"});
  for (const auto& change : plan.changes)
    report.steps.push_back({SpaceStep::Kind::change, change.after.name, in_words(change)});
  for (const auto& space : created)
    report.steps.push_back({SpaceStep::Kind::create, space.name, list("adds", space.forwards)});
  if (options.dry_run || report.steps.empty()) return report;
  TRY(transaction.commit());
  Work work;
  for (const auto& space : plan.remove) end_space(work, space, settings_);
  for (const auto& change : plan.changes) change_space(work, change, settings_);
  for (const auto& space : created)
    if (space.state == State::up) build_space(work, space, settings_);
  report.failures = TRY(carry_out(work, options.progress));
  if (!plan.remove.empty()) TRY(forget(plan.remove));
  TRY(leave_if_unused());
  return report;
}

}  // namespace warren::apply
