// SPDX-License-Identifier: GPL-2.0-or-later
// The steps of a plan, in the one order in which they always run: what must not be reachable is shut, what
// goes leaves, what comes is made, and what is whole is opened.
#include <algorithm>
#include <future>
#include <iterator>
#include <ranges>

#include "engine/kinds.h"
#include "engine/plan.h"
#include "engine/self.h"
#include "host/links.h"
#include "host/table.h"
#include "kinds/ids/owners.h"
#include "kinds/session/confine.h"
#include "kinds/uplink/aspects.h"
#include "model/derive.h"
#include "store/spaces.h"

namespace warren::engine {
namespace {

using model::SpaceFailure;
using model::State;
using model::Step;

/// From here on the table is changed on a thread of its own, beside the work on links and namespaces.
constexpr std::size_t kManyElements = 1000;
constexpr std::uint8_t kUplink = 0;  // its row

bool is_made_anew(const Step& step) {
  const auto missing = uplink::Parts::of_bits(step.missing);
  return step.kind == kUplink && step.action == Step::Action::put &&
         (missing.has(uplink::Part::netns) || missing.has(uplink::Part::veth));
}

/// The elements of these spaces; sorted.
std::vector<Element> elements_of(const std::vector<const model::Space*>& spaces,
                                 const model::Settings& settings) {
  std::vector<Element> all;
  for (const auto* space : spaces)
    std::ranges::move(model::elements(*space, settings), std::back_inserter(all));
  std::ranges::sort(all);
  return all;
}

std::vector<Element> difference(const std::vector<Element>& all, const std::vector<Element>& other) {
  std::vector<Element> left;
  std::ranges::set_difference(all, other, std::back_inserter(left));
  return left;
}

std::vector<Element> common(const std::vector<Element>& all, const std::vector<Element>& other) {
  std::vector<Element> both;
  std::ranges::set_intersection(all, other, std::back_inserter(both));
  return both;
}

std::vector<const model::Space*> coming(const model::Plan& plan) {
  std::vector<const model::Space*> spaces;
  for (const auto& step : plan.steps)
    if (is_made_anew(step)) spaces.push_back(step.space);
  return spaces;
}

/// All connections of spaces that go.
std::vector<netlink::FlowMatch> flows_of_leaving(const model::Plan& plan, const model::Settings& settings) {
  std::vector<netlink::FlowMatch> all;
  for (const auto& step : plan.steps) {
    if (step.kind != kUplink || step.action != Step::Action::drop || !step.space->uplink) continue;
    const auto w = model::wiring(*step.space, settings);
    all.push_back({netlink::FlowMatch::Kind::space, w.ip4, Proto::tcp, {}, {}});
    if (w.ip6) all.push_back({netlink::FlowMatch::Kind::space, *w.ip6, Proto::tcp, {}, {}});
  }
  return all;
}

std::vector<IfName> parse_names(const std::vector<std::string>& texts) {
  std::vector<IfName> names;
  for (const auto& text : texts)
    if (const auto name = IfName::parse(text)) names.push_back(*name);
  return names;
}

}  // namespace

Status Engine::Self::prepare_host(Carry& carry, host::Originals& originals) {
  const auto& plan = carry.plan;
  TRY(host::put_host_parts(*TRY(kernel_.route()), settings_, plan.host));
  if (!plan.new_rules) return {};
  const auto rules = host::make_rules(*TRY(facts()), settings_, originals, plan.sysctls);
  // What stands is to be reached at once; what is still to be made, when it is whole.
  return host::replace_table(kernel_, rules, difference(plan.add, elements_of(coming(plan), settings_)));
}

/// Few elements go before the links. Many go beside them: what loses its link is out of reach as well.
Status Engine::Self::shut(Carry& carry) {
  auto remove = carry.plan.remove;
  if (!carry.all) TRY(session::keep_confined(store_, remove));
  auto flows = flows_through(remove);
  std::ranges::move(flows_of_leaving(carry.plan, settings_), std::back_inserter(flows));
  const bool many = remove.size() > kManyElements;
  if (carry.plan.new_rules || carry.plan.remove_table) remove.clear();
  if (!many) TRY(change_table(remove, {}));
  auto removing = std::async(many ? std::launch::async : std::launch::deferred,
                             [&] { return many ? host::change_elements(kernel_, remove, {}) : Status(); });
  auto left = leave(carry);
  const auto removed = removing.get();
  TRY(std::move(left));
  if (!removed) TRY(change_table(remove, {}));  // says what was wrong, or mends it
  return forget_flows(flows);
}

Status Engine::Self::leave(Carry& carry) {
  TRY(host::delete_links(kernel_, parse_names(carry.plan.stray_links)));
  return run_kinds(carry, true);
}

/// The steps of one kind after the other, each of all spaces at once.
Status Engine::Self::run_kinds(Carry& carry, bool leaving) {
  const auto owners =
      leaving ? ids::Owners() : TRY(ids::find_owners(place(), store_, settings_.ids, coming(carry.plan)));
  kinds::Context context{
      kernel_,
      store_,
      settings_,
      *TRY(facts()),
      carry.report.failures,
      carry.device_failures,
      carry.report.warnings,
      owners,
      carry.begun,
      carry.progress,
      [this](bool came, const auto& space, const auto& device) { tell_of_device(came, space, device); }};
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const auto kind = static_cast<std::uint8_t>(leaving ? kKinds.size() - 1 - i : i);
    std::vector<Step> steps;
    for (const auto& step : carry.plan.steps) {
      if (step.kind != kind || (step.action == Step::Action::drop) != leaving) continue;
      // What cannot leave holds up its space; what is not whole bears nothing.
      const auto& held = leaving ? carry.device_failures : carry.report.failures;
      if (kind != kUplink || !model::has_failed(held, step.space->name)) steps.push_back(step);
    }
    if (!steps.empty())
      TRY(kKinds[kind]->run(leaving ? kinds::Phase::leave : kinds::Phase::make, steps, context));
  }
  return {};
}

Status Engine::Self::make(Carry& carry) {
  const auto anew = elements_of(coming(carry.plan), settings_);
  auto add = carry.plan.new_rules ? common(carry.plan.add, anew) : carry.plan.add;
  // Many go in beside the work on links and namespaces. Few come last, when all is whole.
  const bool many = add.size() > kManyElements;
  auto adding = std::async(many ? std::launch::async : std::launch::deferred,
                           [&] { return many ? host::change_elements(kernel_, {}, add) : Status(); });
  auto made = run_kinds(carry, false);
  const auto added = adding.get();
  TRY(std::move(made));
  std::vector<const model::Space*> failed;
  for (const auto& step : carry.plan.steps)
    if (step.kind == kUplink && model::has_failed(carry.report.failures, step.space->name))
      failed.push_back(step.space);
  // What was refused, by the kernel or by a hook, is not open.
  const auto shut = elements_of(failed, settings_);
  if (carry.plan.new_rules && !failed.empty())
    TRY(change_table(difference(common(carry.plan.add, shut), anew), {}));
  if (many && added) return change_table(common(add, shut), {});
  return open_up(difference(add, shut));
}

Status Engine::Self::open_up(const std::vector<Element>& add) {
  TRY(change_table({}, add));
  return forget_flows(flows_past(add));
}

/// What was to be removed, and has gone, leaves the store as well.
Status Engine::Self::forget_gone(Carry& carry) {
  std::vector<model::Space> gone;
  for (const auto& step : carry.plan.steps)
    if (step.kind == kUplink && step.space->state == State::removing &&
        !model::has_failed(carry.device_failures, step.space->name) &&
        !model::has_failed(carry.report.failures, step.space->name))
      gone.push_back(*step.space);
  if (gone.empty()) return {};
  make_good(gone, {});  // while the store knows of them: a crash meanwhile is made good by `up`
  auto transaction = TRY(store_.begin());
  for (const auto& space : gone) {
    TRY(sessions().withdraw(space));  // while the store knows its members
    TRY(store_.spaces().erase(space.number));
  }
  TRY(transaction.commit());
  // The last reason to confine somebody may have gone with it.
  auto free = TRY(session::confined(gone, settings_));
  if (free.empty() || carry.plan.remove_table) return {};
  TRY(session::keep_confined(store_, free));
  return change_table(common(TRY(host::read_elements(kernel_)), free), {});
}

Status Engine::Self::perform(Carry& carry) {
  const auto& plan = carry.plan;
  if (plan.empty()) return {};
  auto originals = TRY(host::Originals::load(place()));
  if (model::is_serving(carry.desired)) TRY(prepare_host(carry, originals));
  TRY(shut(carry));
  ask_hooks(carry);
  TRY(make(carry));
  TRY(host::change_sysctls(plan.sysctls, originals));  // nothing is forwarded before the rules stand
  TRY(forget_gone(carry));
  return plan.remove_table ? leave_host() : Status();
}

}  // namespace warren::engine
