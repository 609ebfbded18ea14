// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/plan.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "model/derive.h"

namespace warren::model {
namespace {

using View = std::span<const Fact>;

/// The facts of one space, of a list that is walked from its beginning to its end.
View of_space(View& rest, std::uint32_t space) {
  const auto size = static_cast<std::size_t>(
      std::ranges::find_if(rest, [&](const Fact& fact) { return fact.space != space; }) - rest.begin());
  const auto own = rest.first(size);
  rest = rest.subspan(size);
  return own;
}

std::uint32_t aspects_of(View facts, const Fact& like) {
  for (const auto& fact : facts)
    if (fact.kind == like.kind && fact.item == like.item) return fact.aspects;
  return 0;
}

/// Of a space that is not up all goes as soon as anything is seen of it: one thing may hide behind another.
void plan_space(const Space& space, View wanted, View seen, std::vector<Step>& steps) {
  const bool up = space.state == State::up;
  const bool left = !up && (space.state == State::removing ||
                            std::ranges::any_of(seen, [](const Fact& fact) { return fact.aspects != 0; }));
  for (const auto& fact : wanted) {
    Step step{Step::Action::put, fact.kind, fact.item, &space, 0, aspects_of(seen, fact)};
    step.missing = fact.aspects & ~step.seen;
    if (fact.aspects == 0) step.action = Step::Action::drop;
    if (fact.aspects == 0 ? left || fact.pending : step.missing != 0) steps.push_back(step);
  }
}

void plan_elements(const Desired& desired, const Observed& observed, Plan& plan) {
  auto wanted = wanted_elements(desired);
  if (plan.new_rules) {
    plan.add = std::move(wanted);
    return;
  }
  std::ranges::set_difference(observed.elements, wanted, std::back_inserter(plan.remove));
  std::ranges::set_difference(wanted, observed.elements, std::back_inserter(plan.add));
}

}  // namespace

bool Plan::empty() const {
  return remove.empty() && stray_links.empty() && host.empty() && sysctls.empty() && !new_rules &&
         !remove_table && steps.empty() && add.empty();
}

bool is_serving(const Desired& desired) {
  return desired.others_up || !desired.confined.empty() ||
         std::ranges::any_of(desired.spaces, [](const Space& space) { return space.state == State::up; });
}

std::vector<Element> wanted_elements(const Desired& desired) {
  std::vector<Element> all;
  for (const auto& space : desired.spaces) {
    if (space.state != State::up) continue;
    auto some = elements(space, desired.settings);
    std::ranges::move(some, std::back_inserter(all));
  }
  std::ranges::copy(desired.confined, std::back_inserter(all));
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Plan difference(const Desired& desired, const Facts& wanted, const Observed& observed) {
  Plan plan;
  plan.stray_links = observed.stray_links;
  if (is_serving(desired)) {
    plan.host = observed.host_missing;
    plan.sysctls = observed.sysctls;
    plan.table_missing = !observed.table;
    plan.new_rules = !observed.table || !observed.rules_right;
    plan_elements(desired, observed, plan);
  } else {
    plan.remove_table = observed.table;
  }
  View rest(wanted), rest_seen(observed.facts);
  for (std::uint32_t i = 0; i < desired.spaces.size(); ++i) {
    const auto own = of_space(rest, i), own_seen = of_space(rest_seen, i);
    plan_space(desired.spaces[i], own, own_seen, plan.steps);
  }
  return plan;
}

}  // namespace warren::model
