// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/plan.h"

#include <algorithm>
#include <unordered_map>

#include "engine/kinds.h"

namespace warren::engine {
namespace {

using kinds::ItemFacts;
using kinds::Wanted;
using model::Desired;
using model::Facts;
using model::Space;
using model::State;

template <class F>
void each_kind(Facts& facts, std::uint32_t space, F call) {
  for (std::uint8_t kind = 0; kind < kKinds.size(); ++kind)
    call(*kKinds[kind], ItemFacts(facts, space, kind));
}

Facts wanted_facts(const Desired& desired) {
  Facts facts;
  for (std::uint32_t i = 0; i < desired.spaces.size(); ++i)
    each_kind(facts, i, [&](const kinds::Kind& kind, ItemFacts out) {
      kind.want({desired.spaces[i], desired.settings}, out);
    });
  return facts;
}

/// Of one that stands and is to go, all that it was made of is there.
Facts standing_facts(const Desired& before, const Desired& after) {
  std::unordered_map<SpaceNumber, const Space*> had;
  for (const auto& space : before.spaces)
    if (space.state == State::up) had.emplace(space.number, &space);
  Facts facts;
  for (std::uint32_t i = 0; i < after.spaces.size(); ++i) {
    const auto found = had.find(after.spaces[i].number);
    if (found == had.end()) continue;
    each_kind(facts, i, [&](const kinds::Kind& kind, ItemFacts out) {
      kind.keep({*found->second, before.settings}, {after.spaces[i], after.settings}, out);
    });
  }
  return facts;
}

bool leads_in(const Element& element) {
  return element.set == SetId::forwards || element.set == SetId::forwards_at ||
         element.set == SetId::ranges || element.set == SetId::ranges_at;
}

netlink::FlowMatch match(netlink::FlowMatch::Kind kind, const Element& element) {
  const bool at = element.set == SetId::forwards_at || element.set == SetId::ranges_at;
  return {kind, element.to, element.proto, element.ports, at ? std::optional(element.address) : std::nullopt};
}

}  // namespace

model::Plan plan(const Desired& desired, const model::Observed& observed) {
  return model::difference(desired, wanted_facts(desired), observed);
}

model::Observed expected(const Desired& desired, const Desired& in_order_of) {
  model::Observed all;
  all.facts = standing_facts(desired, in_order_of);
  all.table = all.rules_right = model::is_serving(desired);
  if (all.table) all.elements = model::wanted_elements(desired);
  return all;
}

std::vector<netlink::FlowMatch> flows_through(const std::vector<Element>& elements) {
  std::vector<netlink::FlowMatch> all;
  for (const auto& element : elements) {
    if (leads_in(element)) all.push_back(match(netlink::FlowMatch::Kind::forward, element));
    if (element.set == SetId::sources)
      all.push_back({netlink::FlowMatch::Kind::space, element.address, Proto::tcp, {}, {}});
  }
  return all;
}

std::vector<netlink::FlowMatch> flows_past(const std::vector<Element>& elements) {
  std::vector<netlink::FlowMatch> all;
  for (const auto& element : elements)
    if (leads_in(element) && element.proto == Proto::udp)
      all.push_back(match(netlink::FlowMatch::Kind::local, element));
  return all;
}

}  // namespace warren::engine
