// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/uplink/uplink.h"

#include "kinds/uplink/aspects.h"
#include "kinds/uplink/build.h"
#include "kinds/uplink/see.h"

namespace warren::uplink {
namespace {

using kinds::ItemFacts;
using kinds::Wanted;
using model::State;

constexpr Parts kTraces{Part::has_pin, Part::has_outer};

/// One that is being removed is dropped even if nothing is seen of it: it is in the store until then.
void want(const Wanted& wanted, ItemFacts out) {
  if (wanted.space.state == State::up) return out.add(0, all_parts(wanted.space, wanted.settings).bits());
  out.add(0, 0, wanted.space.state == State::removing);
}

bool same_wiring(const model::Wiring& one, const model::Wiring& other) {
  return one.outer == other.outer && one.inner == other.inner && one.outer_mac == other.outer_mac &&
         one.inner_mac == other.inner_mac && one.ip4 == other.ip4 && one.ip6 == other.ip6;
}

/// New addresses mean a new link into the namespace that stands, whose processes stay.
void keep(const Wanted& before, const Wanted& after, ItemFacts out) {
  const auto was = model::wiring(before.space, before.settings);
  const auto is = model::wiring(after.space, after.settings);
  auto kept = all_parts(after.space, after.settings);
  if (after.space.uplink && !same_wiring(was, is)) kept = {Part::netns, Part::lo_up};
  out.add(0, kept.with(kTraces).bits());
}

void host_links(const Wanted& wanted, std::vector<std::string>& names) {
  if (wanted.space.uplink) names.push_back(model::wiring(wanted.space, wanted.settings).outer.str());
}

void say(const model::Step& step, const model::Settings& settings, std::vector<std::string>& lines) {
  const auto& space = *step.space;
  if (step.action == model::Step::Action::drop)
    return lines.push_back(space.state == State::removing ? "being removed, but something of it is left"
                                                          : "down, but something of it is left");
  const auto missing = Parts::of_bits(step.missing);
  const auto w = model::wiring(space, settings);
  // Where one of these is missing, what depends on it cannot be seen.
  for (const auto part : {Part::netns, Part::veth})
    if (missing.has(part)) return lines.push_back(fault(part, space, w));
  for (unsigned i = 0; i < kPartCount; ++i)
    if (const auto part = static_cast<Part>(i); missing.has(part)) lines.push_back(fault(part, space, w));
}

Status run(kinds::Phase phase, std::span<const model::Step> steps, kinds::Context& context) {
  return phase == kinds::Phase::leave ? tear_down(steps, context) : build_spaces(steps, context);
}

}  // namespace

const kinds::Kind kKind{"uplink", want, keep, see, host_links, say, run};

}  // namespace warren::uplink
