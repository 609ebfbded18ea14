// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/work.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace warren::engine {
namespace {

using netlink::FlowMatch;

void append(std::vector<Element>& to, std::vector<Element> elements) {
  std::ranges::move(elements, std::back_inserter(to));
}

std::vector<FlowMatch> matches(FlowMatch::Kind kind, const model::Forward& forward,
                               const model::Wiring& wiring) {
  std::vector<FlowMatch> all;
  for (const auto& element : model::elements(forward, wiring))
    all.push_back({kind, element.to, forward.proto, forward.ports, forward.host});
  return all;
}

/// A new UDP forward must not be bypassed by what spoke to the same port before. A TCP connection ends by
/// itself.
void forget_before_adding(Work& work, const model::Forward& forward, const model::Wiring& wiring) {
  if (forward.proto != Proto::udp) return;
  std::ranges::move(matches(FlowMatch::Kind::local, forward, wiring), std::back_inserter(work.forget_last));
}

}  // namespace

void change_forwards(Work& work, const model::Wiring& wiring, const std::vector<model::Forward>& before,
                     const std::vector<model::Forward>& after) {
  for (const auto& forward : before)
    if (std::ranges::find(after, forward) == after.end()) {
      append(work.remove, model::elements(forward, wiring));
      std::ranges::move(matches(FlowMatch::Kind::forward, forward, wiring),
                        std::back_inserter(work.forget_first));
    }
  for (const auto& forward : after)
    if (std::ranges::find(before, forward) == before.end()) {
      append(work.add, model::elements(forward, wiring));
      forget_before_adding(work, forward, wiring);
    }
}

Error no_forwards(const SpaceName& name) {
  return {
      Code::usage, 0,
      fmt::format("space {} has no uplink, so nothing can be forwarded into it: reach it over its devices",
                  name.str())};
}

void build_space(Work& work, const model::Space& space, const model::Settings& settings) {
  const auto wiring = model::wiring(space, settings);
  work.build.push_back({model::SpaceChange::Kind::build, &space, model::all_parts(space, settings), {}});
  append(work.add, model::elements(space, settings));
  for (const auto& forward : space.forwards) forget_before_adding(work, forward, wiring);
}

void end_space(Work& work, const model::Space& space, const model::Settings& settings) {
  const auto wiring = model::wiring(space, settings);
  append(work.remove, model::elements(space, settings));
  work.tear_down.push_back(&space);
  if (!space.uplink) return;
  work.forget_first.push_back({FlowMatch::Kind::space, wiring.ip4, Proto::tcp, {}, {}});
  if (wiring.ip6) work.forget_first.push_back({FlowMatch::Kind::space, *wiring.ip6, Proto::tcp, {}, {}});
}

}  // namespace warren::engine
