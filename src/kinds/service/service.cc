// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/service/service.h"

#include <algorithm>

#include "kinds/service/inner_table.h"
#include "sys/netns.h"
#include "types/set_of.h"

namespace warren::service {
namespace {

using kinds::ItemFacts;
using kinds::Wanted;
using model::State;

enum class Part : std::uint8_t {
  table,   ///< 127.0.0.1 leads to the services it should, and nowhere else
  may_be,  ///< never wanted as such: the namespace stood before, so a table may be there to be taken away
};
using Parts = SetOf<Part>;

bool has_table(const model::Space& space) { return space.state == State::up && space.uplink; }

void want(const Wanted& wanted, ItemFacts out) {
  if (has_table(wanted.space)) out.add(0, Parts{Part::table}.bits());
}

bool same_services(const Wanted& before, const Wanted& after) {
  const auto was = model::nat_services(before.space, before.settings);
  const auto is = model::nat_services(after.space, after.settings);
  return std::ranges::equal(was, is, [](const auto* one, const auto* other) { return *one == *other; });
}

void keep(const Wanted& before, const Wanted& after, ItemFacts out) {
  if (!has_table(before.space) || !has_table(after.space)) return;
  Parts kept{Part::may_be};
  const auto was = model::wiring(before.space, before.settings);
  const auto is = model::wiring(after.space, after.settings);
  // A new link has new settings of its own (route_localnet), and the table names the space's address.
  kept.set(Part::table, same_services(before, after) && was.ip4 == is.ip4 && was.ip6 == is.ip6);
  out.add(0, kept.bits());
}

void see(const kinds::Sight& sight, const model::Space& space, ItemFacts out) {
  if (!sight.inside || !has_table(space)) return;
  Parts seen{Part::may_be};
  seen.set(Part::table, inner_table_is_right(sight.view.place, space, sight.settings));
  out.add(0, seen.bits());
}

void host_links(const Wanted&, std::vector<std::string>&) {}

void say(const model::Step& step, const model::Settings&, std::vector<std::string>& lines) {
  // Where nothing of the space is seen, its namespace is what is missing.
  if (step.action == model::Step::Action::put && Parts::of_bits(step.seen).has(Part::may_be))
    lines.emplace_back("127.0.0.1 does not lead to the services it should");
}

Status put(const model::Step& step, kinds::Context& context) {
  const auto& space = *step.space;
  const bool fresh = !Parts::of_bits(step.seen).has(Part::may_be);
  if (fresh && model::nat_services(space, context.settings).empty()) return {};
  const auto netns = sys::open_netns(context.kernel.place().pin(space.name.str()));
  if (!netns && netns.error().code == Code::not_found) return {};  // `up`, which makes it, gives it all
  if (!netns) return std::unexpected(netns.error());
  return put_inner_table(context.kernel.place(), netns->get(), space, context.settings);
}

/// What leaves goes with its namespace.
Status run(kinds::Phase phase, std::span<const model::Step> steps, kinds::Context& context) {
  if (phase == kinds::Phase::leave) return {};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& name = steps[i].space->name;
    if (model::has_failed(context.failures, name)) continue;
    if (auto done = put(steps[i], context); !done)
      context.failures.push_back({name, std::move(done).error()});
    if (context.progress) context.progress(i + 1, steps.size());
  }
  return {};
}

}  // namespace

const kinds::Kind kKind{"service", want, keep, see, host_links, say, run};

}  // namespace warren::service
