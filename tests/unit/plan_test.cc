// SPDX-License-Identifier: GPL-2.0-or-later
// plan(): from what is wanted and what is there to the steps between, and to the words of `check`.
#include "engine/plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <set>

#include "kinds/uplink/aspects.h"
#include "model/derive.h"
#include "model/forward_spec.h"

namespace warren::engine {
namespace {

using namespace model;  // NOLINT: a test of what is made of the model's values
using uplink::all_parts;
using uplink::kPartCount;
using uplink::Part;
using uplink::Parts;

Space space(SpaceNumber number, std::string_view name, std::vector<std::string_view> ports = {}) {
  Space space;
  space.number = number;
  space.name = SpaceName::parse(name).value();
  for (const auto text : ports)
    for (const auto& forward : ForwardSpec::parse(text)->forwards({1, 1})) space.forwards.push_back(forward);
  std::ranges::sort(space.forwards);
  return space;
}

Desired desired(std::vector<Space> spaces) {
  Desired desired;
  desired.settings.ula = Cidr::parse("fd00::/48").value();
  desired.spaces = std::move(spaces);
  return desired;
}

/// A kernel in which everything is as it should be.
Observed whole(const Desired& desired) { return expected(desired, desired); }

/// What is seen of the link and namespace of the space at this place.
std::uint32_t& uplink_of(Observed& seen, std::uint32_t space) {
  for (auto& fact : seen.facts)
    if (fact.space == space && fact.kind == 0) return fact.aspects;
  ADD_FAILURE() << "nothing is seen of space " << space;
  static std::uint32_t none = 0;
  return none;
}

void lose(Observed& seen, std::uint32_t space, Part part) {
  auto& aspects = uplink_of(seen, space);
  aspects = Parts::of_bits(aspects).without({part}).bits();
}

/// Nothing of it is there.
void lose_all(Observed& seen, std::uint32_t space) {
  std::erase_if(seen.facts, [&](const Fact& fact) { return fact.space == space; });
}

std::vector<std::string> said(const Desired& desired, const Observed& observed) {
  return faults(plan(desired, observed), desired);
}

TEST(Plan, NothingToDoWhereAllIsRight) {
  const auto want = desired({space(2, "web", {"80:8080", "9000-9009"}), space(3, "db")});
  const auto steps = plan(want, whole(want));
  EXPECT_TRUE(steps.empty());
  EXPECT_TRUE(faults(steps, want).empty()) << fmt::format("{}", faults(steps, want));
}

TEST(Plan, IsPure) {
  const auto want = desired({space(2, "web", {"80:8080"}), space(3, "db")});
  auto seen = whole(want);
  lose(seen, 1, Part::route4);
  seen.stray_links = {"veth_old_o"};
  EXPECT_EQ(said(want, seen), said(want, seen));
  EXPECT_EQ(plan(want, seen).steps.at(0).space, &want.spaces[1]);
}

Service nat_service() {
  Service service;
  service.name = ServiceName::parse("mysql").value();
  service.port = 3306;
  service.target = Target::parse("192.0.2.1:3306").value();
  service.mode = ServiceMode::nat;
  return service;
}

TEST(Plan, EveryMissingPartHasWordsOfItsOwn) {
  auto want = desired({space(2, "web"), space(3, "db")});
  want.settings.services = {nat_service()};
  std::set<std::string> texts;
  for (unsigned i = 0; i < kPartCount; ++i) {
    auto seen = whole(want);
    lose(seen, 0, static_cast<Part>(i));
    const auto lines = said(want, seen);
    ASSERT_EQ(lines.size(), 1U) << "part " << i;
    EXPECT_TRUE(lines[0].starts_with("space web: ")) << lines[0];
    EXPECT_GT(lines[0].size(), 20U) << lines[0];
    if (static_cast<Part>(i) != Part::inner_up) texts.insert(lines[0]);
    const auto steps = plan(want, seen);
    ASSERT_EQ(steps.steps.size(), 1U);
    EXPECT_EQ(steps.steps[0].action, Step::Action::put);
    EXPECT_EQ(steps.steps[0].missing, Parts{static_cast<Part>(i)}.bits());
  }
  EXPECT_EQ(texts.size(), kPartCount - 1);
}

TEST(Plan, WhatHangsOnAMissingNamespaceIsNotListedOneByOne) {
  const auto want = desired({space(2, "web")});
  auto seen = whole(want);
  lose_all(seen, 0);
  const auto lines = said(want, seen);
  ASSERT_EQ(lines.size(), 1U) << fmt::format("{}", lines);
  EXPECT_NE(lines[0].find("/run/netns/web"), std::string::npos);
  seen.facts.push_back({0, 0, 0, Parts{Part::netns}.bits()});
  ASSERT_EQ(said(want, seen).size(), 1U);
  EXPECT_NE(said(want, seen)[0].find("veth_web_o"), std::string::npos);
}

TEST(Plan, Ipv6PartsAreNotMissedWhereItIsOff) {
  auto want = desired({space(2, "web")});
  want.settings.ipv6 = false;
  auto seen = whole(want);
  for (const auto part : {Part::forwarding6, Part::address6, Part::default6, Part::gateway_neighbour6,
                          Part::route6, Part::neighbour6})
    EXPECT_FALSE(all_parts(want.spaces[0], want.settings).has(part));
  EXPECT_TRUE(plan(want, seen).empty());
}

TEST(Plan, DownAndRemovingAreTornDownWhileAnythingIsLeft) {
  for (const auto state : {State::down, State::removing}) {
    const auto up = desired({space(2, "web", {"80:80"}), space(3, "db")});
    auto want = up;
    want.spaces[0].state = state;
    const auto seen = expected(up, want);
    const auto steps = plan(want, seen);
    ASSERT_EQ(steps.steps.size(), 1U);
    EXPECT_EQ(steps.steps[0].action, Step::Action::drop);
    EXPECT_EQ(steps.remove.size(), 4U) << "its sources and forwards go first";
    EXPECT_TRUE(steps.add.empty());
    EXPECT_NE(said(want, seen)[0].find("something of it is left"), std::string::npos);
  }
}

TEST(Plan, ADownSpaceOfWhichNothingIsLeftIsRight) {
  auto want = desired({space(2, "web"), space(3, "db")});
  want.spaces[0].state = State::down;
  auto seen = whole(want);
  EXPECT_TRUE(plan(want, seen).empty());
  seen.facts.insert(seen.facts.begin(), {0, 0, 0, Parts{Part::has_pin}.bits()});
  EXPECT_EQ(plan(want, seen).steps.size(), 1U);
  want.spaces[0].state = State::removing;
  lose_all(seen, 0);
  EXPECT_EQ(plan(want, seen).steps.size(), 1U) << "the store still has it: the removal must end";
}

TEST(Plan, StrayLinksGo) {
  const auto want = desired({space(2, "web")});
  auto seen = whole(want);
  seen.stray_links = {"veth_old_o"};
  EXPECT_EQ(plan(want, seen).stray_links, seen.stray_links);
  EXPECT_EQ(said(want, seen), std::vector<std::string>{"host: link veth_old_o belongs to no space"});
}

TEST(Plan, ElementsAreTheDifference) {
  const auto want = desired({space(2, "web", {"80:8080", "81:8081", "203.0.113.1:53:53/udp"})});
  auto seen = whole(want);
  const auto lost = seen.elements.back();
  seen.elements.pop_back();
  auto foreign = lost;
  foreign.ports = {7, 7};
  foreign.to_port = 7;
  seen.elements.push_back(foreign);
  std::ranges::sort(seen.elements);
  const auto steps = plan(want, seen);
  EXPECT_EQ(steps.add, std::vector{lost});
  EXPECT_EQ(steps.remove, std::vector{foreign});
  EXPECT_FALSE(steps.new_rules);
  const auto lines = faults(steps, want);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("nft: too much: forward ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("nft: missing: forward ")) << lines[1];
}

TEST(Plan, AForwardToAnotherAddressIsReplaced) {
  const auto want = desired({space(2, "web", {"80:8080"})});
  auto seen = whole(want);
  for (auto& element : seen.elements)
    if (element.set == SetId::forwards && element.family == Family::v4)
      element.to = Ip::parse("100.64.0.9").value();
  std::ranges::sort(seen.elements);
  EXPECT_EQ(plan(want, seen).add.size(), 1U);
  EXPECT_EQ(plan(want, seen).remove.size(), 1U);
}

TEST(Plan, AMissingOrChangedTableIsMadeAnewWithAllElements) {
  const auto want = desired({space(2, "web", {"80:8080"})});
  auto seen = whole(want);
  const auto all = seen.elements;
  seen.table = seen.rules_right = false;
  seen.elements.clear();
  EXPECT_EQ(plan(want, seen).add, all);
  EXPECT_EQ(said(want, seen), std::vector<std::string>{"nft: table inet warren is not there"});
  seen.table = true;
  seen.elements = all;
  const auto steps = plan(want, seen);
  EXPECT_TRUE(steps.new_rules);
  EXPECT_EQ(steps.add, all);
  EXPECT_TRUE(steps.remove.empty());
  EXPECT_NE(faults(steps, want).at(0).find("were changed"), std::string::npos);
}

TEST(Plan, HostPartsAndSettingsAreNamed) {
  const auto want = desired({space(2, "web")});
  auto seen = whole(want);
  seen.host_missing = {HostPart::gateway4, HostPart::gateway6, HostPart::pool_route4, HostPart::pool_route6};
  seen.sysctls = {{"net.ipv4.conf.eth0.forwarding", 0, 1}};
  const auto lines = said(want, seen);
  EXPECT_EQ(lines, (std::vector<std::string>{"host: gateway address 100.64.0.1 is not on lo",
                                             "host: gateway address fd00:0:0:1::1 is not on lo",
                                             "host: no unreachable route for 100.64.0.0/16",
                                             "host: no unreachable route for fd00::/48",
                                             "host: net.ipv4.conf.eth0.forwarding is 0, wants 1"}));
}

TEST(Plan, WithoutASpaceNothingOfTheHostIsWantedAndTheTableGoes) {
  const auto none = desired({});
  Observed seen;
  EXPECT_TRUE(plan(none, seen).empty());
  seen.table = true;
  seen.host_missing = {HostPart::gateway4};
  const auto steps = plan(none, seen);
  EXPECT_TRUE(steps.remove_table);
  EXPECT_TRUE(steps.host.empty());
  EXPECT_EQ(faults(steps, none).size(), 1U);
}

TEST(Parts, AreASet) {
  Parts parts{Part::netns, Part::neighbour6};
  EXPECT_TRUE(parts.has(Part::netns) && parts.has(Part::neighbour6));
  EXPECT_FALSE(parts.has(Part::veth) || parts.empty());
  EXPECT_EQ(parts.without({Part::netns}), Parts{Part::neighbour6});
  parts.set(Part::neighbour6, false);
  parts.set(Part::netns, false);
  EXPECT_TRUE(parts.empty());
}

}  // namespace
}  // namespace warren::engine
