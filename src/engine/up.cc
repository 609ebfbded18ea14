// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <iterator>

#include "engine/observe.h"
#include "engine/plan.h"
#include "engine/self.h"
#include "kinds/ids/subids.h"
#include "model/derive.h"

namespace warren::engine {
namespace {

using model::Space;
using model::State;

bool is_named(const std::vector<SpaceName>& names, const SpaceName& name) {
  return std::ranges::find(names, name) != names.end();
}

/// Leaves of the plan what concerns these spaces, and what is in the table by mistake: it may stand in their
/// way.
void narrow(model::Plan& plan, const model::Desired& all, const std::vector<SpaceName>& names) {
  std::vector<Element> theirs;
  for (const auto& space : all.spaces)
    if (is_named(names, space.name))
      std::ranges::move(model::elements(space, all.settings), std::back_inserter(theirs));
  std::erase_if(plan.add, [&](const auto& element) {
    return element.set != SetId::confined && std::ranges::find(theirs, element) == theirs.end();
  });
  std::erase_if(plan.steps, [&](const auto& step) { return !is_named(names, step.space->name); });
  plan.stray_links.clear();
}

std::string stale_text(const std::string& path) {
  return path + ": the section of warren is not what the ID blocks are";
}

}  // namespace

Result<std::vector<std::string>> Engine::Self::check() {
  const auto all = TRY(desired());
  const auto seen = TRY(observe(kernel_, all, *TRY(facts()), TRY(host::Originals::load(place()))));
  auto lines = faults(engine::plan(all, seen), all);
  std::ranges::move(TRY(sessions().faults(all.spaces)), std::back_inserter(lines));
  if (const auto stale = ids::stale_subids(place(), store_)) {
    for (const auto& path : *stale) lines.push_back(stale_text(path));
  } else {
    lines.push_back(stale.error().what);
  }
  return lines;
}

/// That users' files are locked, or were mended by hand, keeps no space down.
void Engine::Self::mend_sections(Report& report) {
  const auto mended = ids::mend_subids(place(), store_);
  if (!mended) return report.warnings.push_back(mended.error().what);
  for (const auto& path : *mended) report.mended.push_back(stale_text(path));
}

/// Those that are down are refused by hooks before they are wanted up, and so stay down.
Result<Report> Engine::Self::up(const std::vector<SpaceName>& names, const model::Progress& progress) {
  std::vector<model::SpaceFailure> refused;
  std::vector<SpaceName> allowed;
  auto wanted = TRY(load(names));
  for (const auto& name : names) TRY(kinds::find(wanted, name));
  Change change{wanted, wanted};
  for (auto& space : change.after.spaces) {
    auto answer = space.state == State::up ? Status() : hooks_.rise(space, settings_);
    if (answer)
      allowed.push_back(space.name), space.state = State::up;
    else
      refused.push_back({space.name, std::move(answer).error()});
  }
  if (change.before.spaces != change.after.spaces) TRY(store_change(change, {}));
  Report report;
  if (names.empty() || !allowed.empty()) {
    auto done = bring_up(allowed, progress);
    if (!done && change.before.spaces != change.after.spaces) (void)take_back(change, moves_of(change));
    report = TRY(std::move(done));
  }
  std::ranges::move(refused, std::back_inserter(report.failures));
  return report;
}

Result<Report> Engine::Self::bring_up(const std::vector<SpaceName>& names, const model::Progress& progress) {
  const auto all = TRY(desired());
  const auto& host = *TRY(facts());
  Report report;
  if (const auto uplink = host::require_uplink(host, settings_); !uplink)
    report.warnings.push_back(uplink.error().what);
  auto plan = engine::plan(all, TRY(observe(kernel_, all, host, TRY(host::Originals::load(place())), names)));
  // The table needs the elements of all.
  if (!names.empty() && plan.new_rules) return bring_up({}, progress);
  if (!names.empty()) narrow(plan, all, names);
  auto stale = names.empty() ? TRY(sessions().faults(all.spaces)) : std::vector<std::string>();
  for (const auto& step : plan.steps)
    if (step.kind == 0 && step.action == model::Step::Action::put && step.seen == 0)
      TRY(sessions().hold(*step.space));
  Carry carry{plan, all, report, progress};
  carry.all = true;
  TRY(perform(carry));
  const auto failed = [&](const SpaceName& name) {
    return model::has_failed(report.failures, name) || model::has_failed(carry.device_failures, name);
  };
  report.mended = faults(plan, all, failed);
  std::ranges::move(stale, std::back_inserter(report.mended));
  if (names.empty()) mend_sections(report);
  std::vector<Space> wanted;
  for (const auto& space : all.spaces)
    if (is_named(names, space.name)) wanted.push_back(space);
  TRY(names.empty() ? sync_sessions(report.failures) : settle_sessions(wanted, report.failures));
  make_good(names.empty() ? all.spaces : wanted, report.failures);
  if (names.empty()) forget_notes(all.spaces);
  std::ranges::move(carry.device_failures, std::back_inserter(report.failures));
  return report;
}

}  // namespace warren::engine
