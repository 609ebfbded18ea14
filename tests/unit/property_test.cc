// SPDX-License-Identifier: GPL-2.0-or-later
// What is true of the plan of any two states, shown with hundreds of random ones.
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <tuple>

#include "engine/kinds.h"
#include "engine/plan.h"
#include "generate.h"
#include "kinds/device/aspects.h"
#include "kinds/uplink/aspects.h"

namespace warren::engine {
namespace {

using namespace model;  // NOLINT: a test of what is made of the model's values

constexpr std::uint32_t kSeeds = 400;

/// A thing of a space, and what is done with it or seen of it.
using Thing = std::tuple<SpaceNumber, std::string_view, unsigned>;

std::string text(const Step& step) {
  return fmt::format("{} {} {} of {}", step.action == Step::Action::put ? "put" : "drop",
                     kKinds[step.kind]->name, step.item, step.space->name.str());
}

std::vector<std::string> texts(const Plan& plan) {
  std::vector<std::string> all;
  for (const auto& step : plan.steps) all.push_back(text(step));
  return all;
}

/// What the state itself has under way, without anything that differs.
std::vector<std::string> under_way(const Desired& state) {
  std::vector<std::string> all;
  for (const auto& space : state.spaces) {
    const bool goes = space.state == State::removing;
    if (goes) all.push_back("drop uplink 0 of " + space.name.str());
    for (const auto& device : space.devices)
      if (goes || device.leaving || (device.origin && space.state == State::down))
        all.push_back(fmt::format("drop device {} of {}", device.index, space.name.str()));
  }
  return all;
}

const Space* find_up(const Desired& state, SpaceNumber number) {
  const auto found = std::ranges::find(state.spaces, number, &Space::number);
  return found != state.spaces.end() && found->state == State::up ? &*found : nullptr;
}

const Device* find(const Space& space, unsigned index) {
  const auto found = std::ranges::find(space.devices, index, &Device::index);
  return found == space.devices.end() ? nullptr : &*found;
}

bool same_addresses(const Space& one, const Space& other) {
  return one.ip4 == other.ip4 && one.ip6 == other.ip6;
}

std::vector<Service> led_to(const Space& space, const Settings& settings) {
  std::vector<Service> all;
  for (const auto* service : nat_services(space, settings)) all.push_back(*service);
  return all;
}

/// Is there a reason for this step in what differs between the two states?
bool is_due(const Step& step, const Desired& before, const Desired& after) {
  const auto& space = *step.space;
  const auto kind = kKinds[step.kind]->name;
  const auto* had = find_up(before, space.number);
  const auto* device = kind == "device" ? find(space, step.item) : nullptr;
  if (step.action == Step::Action::drop)
    return space.state == State::removing || (space.state == State::down && had) ||
           (device && (device->leaving || (device->origin && space.state == State::down)));
  if (!had) return true;
  if (kind == "uplink") return !same_addresses(*had, space);
  if (kind == "service")
    return !same_addresses(*had, space) || led_to(*had, before.settings) != led_to(space, after.settings);
  const auto* was = find(*had, step.item);
  return !was || !was->same_wish(*device) || was->old_addresses != device->old_addresses ||
         was->old_gateways != device->old_gateways;
}

/// A change of what stands leaves the namespace with its processes, and a device whose link is right.
void expect_gentle(const Step& step, const Desired& before) {
  const auto* had = find_up(before, step.space->number);
  if (!had || step.action == Step::Action::drop) return;
  if (kKinds[step.kind]->name == "uplink") {
    EXPECT_FALSE(uplink::Parts::of_bits(step.missing).has(uplink::Part::netns)) << text(step);
  }
  if (kKinds[step.kind]->name != "device") return;
  const auto *was = find(*had, step.item), *is = find(*step.space, step.item);
  if (was && device::same_link(*was, *is)) {
    EXPECT_EQ(step.missing & ~device::kAddressParts.bits(), 0U) << text(step);
  }
}

/// None of the elements is one of a space that is the same in both states.
void expect_touches_no_other(const std::vector<Element>& changed, const Desired& before,
                             const Desired& after) {
  for (const auto& space : after.spaces) {
    const auto* had = find_up(before, space.number);
    if (!had || *had != space || led_to(*had, before.settings) != led_to(space, after.settings)) continue;
    for (const auto& element : elements(space, after.settings))
      EXPECT_FALSE(std::ranges::binary_search(changed, element)) << "of space " << space.name.str();
  }
}

/// What the steps make of a kernel: the one place where a test says what "done" means.
Observed carried_out(const Plan& plan, const Desired& desired, Observed seen) {
  for (const auto& step : plan.steps) {
    const auto i = static_cast<std::uint32_t>(step.space - desired.spaces.data());
    const auto is_of = [&](const Fact& fact) {
      return fact.space == i && fact.kind == step.kind && fact.item == step.item;
    };
    auto found = std::ranges::find_if(seen.facts, is_of);
    if (step.action == Step::Action::drop) {
      if (found != seen.facts.end()) seen.facts.erase(found);
      continue;
    }
    if (found == seen.facts.end()) found = seen.facts.insert(found, {i, step.kind, step.item, 0, false});
    found->aspects |= step.missing;
  }
  std::ranges::sort(seen.facts, {},
                    [](const Fact& fact) { return std::tuple(fact.space, fact.kind, fact.item); });
  if (plan.new_rules || plan.remove_table) seen.elements.clear();
  if (plan.new_rules) seen.table = seen.rules_right = true;
  if (plan.remove_table) seen.table = seen.rules_right = false;
  std::erase_if(seen.elements, [&](const auto& one) { return std::ranges::binary_search(plan.remove, one); });
  std::ranges::copy(plan.add, std::back_inserter(seen.elements));
  std::ranges::sort(seen.elements);
  return seen;
}

/// What the store says when all steps are done: what went is forgotten, and who is home is not away.
Desired settled(Desired state) {
  std::erase_if(state.spaces, [](const Space& space) { return space.state == State::removing; });
  for (auto& space : state.spaces) {
    std::erase_if(space.devices, [](const Device& device) { return device.leaving; });
    for (auto& device : space.devices)
      if (space.state == State::down) device.origin.reset();
  }
  return state;
}

/// What is wanted of each thing of the spaces that are up.
std::map<Thing, std::uint32_t> wanted(const Desired& state) {
  std::map<Thing, std::uint32_t> all;
  for (std::uint32_t i = 0; i < state.spaces.size(); ++i)
    for (std::uint8_t kind = 0; kind < kKinds.size(); ++kind) {
      Facts facts;
      kKinds[kind]->want({state.spaces[i], state.settings}, kinds::ItemFacts(facts, i, kind));
      for (const auto& fact : facts)
        if (fact.aspects != 0) all[{state.spaces[i].number, kKinds[kind]->name, fact.item}] = fact.aspects;
    }
  return all;
}

/// What is seen, as far as anybody wants it, or as a whole where nobody does.
std::map<Thing, std::uint32_t> things(const Observed& seen, const Desired& desired,
                                      const std::map<Thing, std::uint32_t>& wanted) {
  std::map<Thing, std::uint32_t> all;
  for (const auto& fact : seen.facts) {
    const Thing thing{desired.spaces[fact.space].number, kKinds[fact.kind]->name, fact.item};
    const auto found = wanted.find(thing);
    all[thing] = found == wanted.end() ? fact.aspects : fact.aspects & found->second;
  }
  return all;
}

/// Runs a check for each seed, until one fails.
template <class F>
void for_all_seeds(F check) {
  for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Generator random(seed);
    check(random);
    if (testing::Test::HasFailure()) return;
  }
}

/// A state, and one that an operation may make of it.
template <class F>
void for_all_pairs(F check) {
  for_all_seeds([&](Generator& random) {
    const auto before = random.desired();
    check(before, random.changed(before));
  });
}

void expect_nothing_of_the_host(const Plan& plan) {
  EXPECT_FALSE(plan.new_rules || plan.remove_table || plan.table_missing);
  EXPECT_TRUE(plan.add.empty() && plan.remove.empty() && plan.stray_links.empty());
  EXPECT_TRUE(plan.host.empty() && plan.sysctls.empty());
}

TEST(Property, WhereAllIsRightOnlyWhatIsUnderWayIsLeftToDo) {
  unsigned still = 0;
  for_all_seeds([&](Generator& random) {
    const auto state = random.desired();
    const auto left = plan(state, expected(state, state));
    EXPECT_EQ(texts(left), under_way(state));
    EXPECT_EQ(left.empty(), under_way(state).empty());
    expect_nothing_of_the_host(left);
    still += left.empty() ? 1 : 0;
  });
  EXPECT_GT(still, kSeeds / 10) << "of the states hardly one is at rest";
}

TEST(Property, OfWhatIsUnderWayNothingIsLeftOnceItIsSettled) {
  for_all_seeds([](Generator& random) {
    const auto state = settled(random.desired());
    EXPECT_TRUE(plan(state, expected(state, state)).empty());
  });
}

TEST(Property, OnlyWhatDiffersIsTouched) {
  for_all_pairs([](const Desired& before, const Desired& after) {
    const auto steps = plan(after, expected(before, after));
    for (const auto& step : steps.steps) {
      EXPECT_TRUE(is_due(step, before, after)) << text(step);
      expect_gentle(step, before);
    }
    EXPECT_EQ(steps.new_rules, is_serving(after) && !is_serving(before));
    EXPECT_EQ(steps.remove_table, is_serving(before) && !is_serving(after));
    if (steps.new_rules) return;
    expect_touches_no_other(steps.remove, before, after);
    expect_touches_no_other(steps.add, before, after);
  });
}

/// What must be done of a space that is up before and after, each as "kind item".
std::vector<std::string> due(const Space& had, const Space& space, const Desired& before,
                             const Desired& after) {
  std::vector<std::string> all;
  const bool moves = space.uplink && !same_addresses(had, space);
  if (moves) all.emplace_back("uplink 0");
  if (space.uplink && (moves || led_to(had, before.settings) != led_to(space, after.settings)))
    all.emplace_back("service 0");
  for (const auto& device : space.devices) {
    const auto* was = find(had, device.index);
    if (!was || device.leaving || !was->same_wish(device))
      all.push_back(fmt::format("device {}", device.index));
  }
  return all;
}

TEST(Property, NothingThatDiffersIsPassedOver) {
  for_all_pairs([](const Desired& before, const Desired& after) {
    const auto steps = plan(after, expected(before, after));
    std::set<std::string> done;
    for (const auto& step : steps.steps)
      done.insert(fmt::format("{} {} of {}", kKinds[step.kind]->name, step.item, step.space->name.str()));
    for (const auto& space : after.spaces) {
      const auto* had = find_up(before, space.number);
      if (!had || space.state != State::up) continue;
      for (const auto& what : due(*had, space, before, after))
        EXPECT_TRUE(done.contains(fmt::format("{} of {}", what, space.name.str()))) << what;
    }
  });
}

TEST(Property, NoElementIsBothTakenAwayAndAdded) {
  for_all_pairs([](const Desired& before, const Desired& after) {
    const auto steps = plan(after, expected(before, after));
    for (const auto& element : steps.add) EXPECT_FALSE(std::ranges::binary_search(steps.remove, element));
  });
}

TEST(Property, TheStepsMakeOfTheOneStateTheOther) {
  for_all_pairs([](const Desired& before, const Desired& after) {
    const auto steps = plan(after, expected(before, after));
    const auto seen = carried_out(steps, after, expected(before, after));
    const auto end = settled(after);
    const auto whole = expected(end, end);
    const auto wants = wanted(end);
    EXPECT_EQ(things(seen, after, wants), things(whole, end, wants));
    EXPECT_EQ(seen.elements, whole.elements);
    EXPECT_EQ(seen.table, whole.table);
    EXPECT_EQ(seen.rules_right, whole.rules_right);
  });
}

TEST(Property, WhatIsThereInPartIsMadeWhole) {
  for_all_seeds([](Generator& random) {
    const auto state = settled(random.desired());
    auto seen = expected(state, state);
    for (auto& fact : seen.facts)
      if (random.chance(40)) fact.aspects &= random.below(1U << 30U);
    std::erase_if(seen.facts, [&](const Fact&) { return random.chance(10); });
    std::erase_if(seen.elements, [&](const Element&) { return random.chance(30); });
    const auto wants = wanted(state);
    const auto mended = carried_out(plan(state, seen), state, seen);
    EXPECT_EQ(things(mended, state, wants), things(expected(state, state), state, wants));
    EXPECT_EQ(mended.elements, wanted_elements(state));
    EXPECT_TRUE(plan(state, mended).empty());
  });
}

/// A property of states that are all alike says little.
TEST(Property, TheStatesAreOfAllSorts) {
  std::set<std::pair<SetId, Family>> sets;
  std::set<State> states;
  std::set<DeviceKind> kinds;
  std::set<std::string_view> seen;
  for_all_pairs([&](const Desired& before, const Desired& after) {
    for (const auto& element : wanted_elements(after)) sets.emplace(element.set, element.family);
    for (const auto& space : after.spaces) {
      states.insert(space.state);
      seen.insert(space.uplink ? "uplink" : "no uplink");
      for (const auto& device : space.devices) {
        kinds.insert(device.kind);
        seen.insert(device.leaving ? "leaving" : "staying");
        if (device.origin && space.state == State::down) seen.insert("away");
        if (!device.old_addresses.empty()) seen.insert("old addresses");
      }
    }
    if (is_serving(before) != is_serving(after)) seen.insert(is_serving(before) ? "last" : "first");
  });
  EXPECT_EQ(sets.size(), 14U) << "six sets of both families, and two of one";
  EXPECT_EQ(states.size(), 3U);
  EXPECT_EQ(kinds.size(), 5U);
  EXPECT_EQ(seen.size(), 8U) << fmt::format("{}", seen);
}

}  // namespace
}  // namespace warren::engine
