// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "engine/engine.h"
#include "engine/observe.h"
#include "host/table.h"
#include "kinds/ids/subids.h"

namespace warren::engine {
namespace {

using model::SpaceChange;

std::vector<const model::Space*> leaving(const model::Plan& plan) {
  std::vector<const model::Space*> spaces;
  for (const auto& change : plan.spaces)
    if (change.kind == SpaceChange::Kind::tear_down) spaces.push_back(change.space);
  return spaces;
}

std::vector<SpaceChange> coming(const model::Plan& plan) {
  std::vector<SpaceChange> changes;
  for (const auto& change : plan.spaces)
    if (change.kind != SpaceChange::Kind::tear_down) changes.push_back(change);
  return changes;
}

std::vector<IfName> parse_names(const std::vector<std::string>& texts) {
  std::vector<IfName> names;
  for (const auto& text : texts)
    if (const auto name = IfName::parse(text)) names.push_back(*name);
  return names;
}

/// Leaves of the plan what concerns these spaces, and what is in the table by mistake: it may stand in their
/// way.
void narrow(model::Plan& plan, const std::vector<model::Space>& spaces, const model::Settings& settings) {
  std::vector<Element> theirs;
  for (const auto& space : spaces)
    std::ranges::move(model::elements(space, settings), std::back_inserter(theirs));
  std::erase_if(plan.add,
                [&](const auto& element) { return std::ranges::find(theirs, element) == theirs.end(); });
  std::erase_if(plan.spaces, [&](const auto& change) {
    return std::ranges::find(spaces, change.space->name, &model::Space::name) == spaces.end();
  });
  std::erase_if(plan.devices, [&](const auto& change) {
    return std::ranges::find(spaces, change.space->name, &model::Space::name) == spaces.end();
  });
  plan.stray_links.clear();
}

std::string stale_text(const std::string& path) {
  return path + ": the section of warren is not what the ID blocks are";
}

}  // namespace

Result<std::vector<std::string>> Engine::check() {
  const auto all = TRY(desired());
  const auto seen = TRY(observe(kernel_, all, *TRY(facts()), TRY(host::Originals::load())));
  auto faults = model::plan(all, seen).faults(settings_);
  std::ranges::move(TRY(sessions().faults(all.spaces)), std::back_inserter(faults));
  if (const auto stale = ids::stale_subids(store_)) {
    for (const auto& path : *stale) faults.push_back(stale_text(path));
  } else {
    faults.push_back(stale.error().what);
  }
  return faults;
}

Status Engine::clear_leaving(const model::Plan& plan) {
  Work work;
  for (const auto* space : leaving(plan))
    if (auto dropped = drop_devices(*space); dropped)
      end_space(work, *space, settings_);
    else
      device_failures_.push_back({space->name, std::move(dropped).error()});
  drop_devices(plan.devices);
  TRY(uplink::tear_down(kernel_, settings_, work.tear_down));
  return forget_flows(work.forget_first);
}

Status Engine::build_coming(const model::Plan& plan, const host::HostFacts& host, UpReport& report,
                            const model::Progress& progress) {
  auto changes = coming(plan);
  const auto owners = TRY(ids::find_owners(store_, settings_.ids, changes));
  for (const auto& change : changes)
    if (change.missing.has(model::Part::netns)) TRY(sessions().hold(*change.space));
  std::ranges::move(refused_by_hooks(changes), std::back_inserter(report.failures));
  std::ranges::move(TRY(uplink::build_spaces(kernel_, settings_, host, changes, owners, progress)),
                    std::back_inserter(report.failures));
  put_devices(plan.devices, report.failures);
  return {};
}

Status Engine::execute(const model::Plan& plan, const host::HostFacts& host, UpReport& report,
                       const model::Progress& progress) {
  if (!plan.new_rules) TRY(host::change_elements(kernel_, plan.remove, {}));
  TRY(host::delete_links(kernel_, parse_names(plan.stray_links)));
  auto originals = TRY(host::Originals::load());
  TRY(host::put_host_parts(*TRY(kernel_.route()), settings_, plan.host));
  const auto rules = host::make_rules(host, settings_, originals, plan.sysctls);
  if (plan.new_rules) TRY(host::replace_table(kernel_, rules, plan.add));
  TRY(host::change_sysctls(plan.sysctls, originals));  // nothing is forwarded before the rules stand
  TRY(clear_leaving(plan));
  TRY(build_coming(plan, host, report, progress));
  if (!plan.new_rules) TRY(host::change_elements(kernel_, {}, plan.add));
  std::vector<model::Space> removed;
  for (const auto* space : leaving(plan))
    if (space->state == model::State::removing && !model::has_failed(device_failures_, space->name))
      removed.push_back(*space);
  if (!removed.empty()) {
    make_good(removed, {});
    TRY(forget(removed));
  }
  return plan.remove_table ? leave_host() : Status();
}

/// That users' files are locked, or were mended by hand, keeps no space down.
void Engine::mend_sections(UpReport& report) {
  const auto mended = ids::mend_subids(store_);
  if (!mended) return report.warnings.push_back(mended.error().what);
  for (const auto& path : *mended) report.mended.push_back(stale_text(path));
}

/// Those that are down are refused before they are wanted up, and so stay down.
Result<UpReport> Engine::up(const std::vector<SpaceName>& names, const model::Progress& progress) {
  std::vector<model::SpaceFailure> refused;
  std::vector<SpaceName> allowed;
  std::vector<model::Space> wanted;
  for (const auto& name : names) wanted.push_back(TRY(find(name)));
  for (const auto& space : wanted) {
    const auto answer = space.state == model::State::up ? Status() : hooks_.rise(space, settings_);
    if (answer)
      allowed.push_back(space.name);
    else
      refused.push_back({space.name, answer.error()});
  }
  UpReport report;
  if (names.empty() || !allowed.empty()) report = TRY(bring_up(allowed, progress));
  std::ranges::move(refused, std::back_inserter(report.failures));
  return report;
}

Result<UpReport> Engine::bring_up(const std::vector<SpaceName>& names, const model::Progress& progress) {
  std::vector<model::Space> wanted;
  for (const auto& name : names) wanted.push_back(TRY(find(name)));
  if (!wanted.empty()) TRY(set_states(wanted, model::State::up));
  for (auto& space : wanted) space.state = model::State::up;
  const auto all = TRY(desired());
  const auto& host = *TRY(facts());
  UpReport report;
  if (const auto uplink = host::require_uplink(host, settings_); !uplink)
    report.warnings.push_back(uplink.error().what);
  const auto originals = TRY(host::Originals::load());
  auto plan = model::plan(all, TRY(observe(kernel_, all, host, originals, names)));
  if (!names.empty()) {
    if (plan.new_rules) return bring_up({}, progress);  // the table needs the elements of all
    narrow(plan, wanted, settings_);
  }
  report.mended = plan.faults(settings_);
  if (names.empty()) std::ranges::move(TRY(sessions().faults(all.spaces)), std::back_inserter(report.mended));
  if (names.empty()) mend_sections(report);
  TRY(execute(plan, host, report, progress));
  TRY(names.empty() ? sync_sessions(report.failures) : settle_sessions(wanted, report.failures));
  make_good(names.empty() ? all.spaces : wanted, report.failures);
  if (names.empty()) forget_notes(all.spaces);
  move_device_failures(report.failures);
  std::ranges::copy(said_, std::back_inserter(report.warnings));
  return report;
}

}  // namespace warren::engine
