// SPDX-License-Identifier: GPL-2.0-or-later
// From any state to any other, by one operation on the real kernel: `check` finds nothing then, and at the
// end the host is as it was.
#include "engine/engine.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>

#include "../unit/generate.h"
#include "engine/spaces.h"
#include "kernel_fixture.h"
#include "kinds/operation.h"

namespace warren::engine {
namespace {

using namespace model;  // NOLINT: a test of what is made of the model's values

constexpr std::uint32_t kWalks = 6;
constexpr std::uint32_t kStates = 4;  // of a walk

/// What a command prints.
std::string output(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 4096> part{};
  while (pipe && std::fgets(part.data(), part.size(), pipe.get())) text += part.data();
  return text;
}

/// What is the host's own, as people read it.
std::string host_state() {
  return output(
      "ip -o link | sed 's/^[0-9]*: //'; ip -4 rule; ip -6 rule; ip -4 route; ip -6 route; ip -o address "
      "show "
      "dev lo; ls /run/netns; nft list tables; cat /proc/sys/net/ipv4/ip_forward "
      "/proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding");
}

/// One that stays keeps its devices where they are the same; others go, and come anew.
void become(Space& space, const Space& wanted) {
  auto devices = std::move(space.devices);
  space = wanted;
  space.devices = std::move(devices);
  device::take_wanted(wanted.devices, space);
}

/// The operation that makes of whatever there is the spaces and services of `target`, under their numbers.
kinds::Operation become(const Desired& target) {
  kinds::Operation operation;
  operation.touches_all = true;
  operation.change = [target](Desired& desired, kinds::Ask&) -> Status {
    for (auto& space : desired.spaces) {
      const auto wanted = std::ranges::find(target.spaces, space.number, &Space::number);
      if (wanted != target.spaces.end()) {
        become(space, *wanted);
        continue;
      }
      space.state = State::removing;
      space.forwards.clear();
      space.members.clear();
    }
    for (const auto& space : target.spaces)
      if (std::ranges::find(desired.spaces, space.number, &Space::number) == desired.spaces.end())
        desired.spaces.push_back(space);
    desired.settings.services = target.settings.services;
    return {};
  };
  return operation;
}

class EngineTest : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped()) return;
    std::ofstream users("/etc/passwd", std::ios::app);  // the throw-away host's own
    for (int i = 0; i < 8; ++i) users << fmt::format("user{0}:x:{1}:{1}::/:/bin/sh\n", i, 2000 + i);
  }

  static void reach(const Desired& target) {
    auto engine = Engine::open(Place::of_host(), target.settings);
    ASSERT_OK(engine);
    const auto done = engine->run(become(target), {.force = true});
    ASSERT_OK(done);
    ASSERT_OK(done->whole());
    const auto faults = engine->check();
    ASSERT_OK(faults);
    EXPECT_TRUE(faults->empty()) << fmt::format("{}", fmt::join(*faults, "\n"));
  }

  /// What the store has, is what was asked for.
  static void expect_stored(const Desired& target) {
    const auto stored = Engine::open(Place::of_host(), target.settings)->desired();
    ASSERT_OK(stored);
    ASSERT_EQ(stored->spaces.size(), target.spaces.size());
    for (std::size_t i = 0; i < target.spaces.size(); ++i) {
      const auto &is = stored->spaces[i], &wanted = target.spaces[i];
      EXPECT_EQ(is.name, wanted.name);
      EXPECT_EQ(is.state, wanted.state);
      EXPECT_EQ(is.forwards, wanted.forwards);
      EXPECT_EQ(is.members, wanted.members);
      EXPECT_EQ(is.ip4, wanted.ip4);
      EXPECT_EQ(is.devices.size(), wanted.devices.size());
    }
  }
};

Desired nothing(const Settings& settings) {
  Desired state;
  state.settings = settings;
  state.settings.services.clear();
  return state;
}

/// Two spaces with all that can be one's alone.
Desired two_spaces(unsigned first, unsigned second) {
  Desired state;
  state.settings.ula = *Cidr::parse("fd12:3456:789a::/48");
  for (const auto mark : {first, second}) {
    Space space;
    space.number = static_cast<SpaceNumber>(kFirstNumber + state.spaces.size());
    space.name = space_name(fmt::format("s{}", space.number));
    space.ip4 = ip(fmt::format("100.64.200.{}", mark));
    space.ip6 = ip(fmt::format("fd12:3456:789a:fff0::{}", mark));
    space.forwards = {{Proto::tcp, std::nullopt, {static_cast<Port>(mark), static_cast<Port>(mark)}, 80}};
    space.members = {{Member::Kind::user, UserName::parse(fmt::format("user{}", mark)).value()}};
    state.spaces.push_back(space);
  }
  return state;
}

TEST_F(EngineTest, TwoSpacesChangePlaces) {
  const auto bare = host_state();
  for (const auto& state : {two_spaces(1, 2), two_spaces(2, 1), two_spaces(3, 2), two_spaces(2, 3)}) {
    reach(state);
    expect_stored(state);
  }
  reach(nothing(two_spaces(1, 2).settings));
  EXPECT_EQ(host_state(), bare);
}

/// Its devices are of one kind; nothing is under way, for an operation ends before the next begins.
class EngineWalk : public EngineTest, public testing::WithParamInterface<DeviceKind> {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    if (!kernel_has(GetParam())) GTEST_SKIP() << "this kernel has no " << name(GetParam());
  }

  static bool kernel_has(DeviceKind kind) {
    const auto what = kind == DeviceKind::vlan ? std::string("vlan id 7") : std::string(name(kind));
    const auto parent = kind == DeviceKind::veth ? "" : "link uplink ";
    const auto made =
        std::system(fmt::format("ip link add {}name probe type {} 2>/dev/null", parent, what).c_str());
    return made == 0 && std::system("ip link delete probe") == 0;
  }

  static Generator generator(std::uint32_t walk) {
    Limits limits;
    limits.spaces = 4;
    limits.unfinished = false;
    limits.devices = {GetParam()};
    limits.parents = {"uplink"};
    return Generator(100 * (1 + static_cast<std::uint32_t>(GetParam())) + walk, limits);
  }
};

TEST_P(EngineWalk, OneOperationMakesOfAnyStateAnyOther) {
  const auto bare = host_state();
  std::size_t devices = 0;
  for (std::uint32_t walk = 0; walk < kWalks; ++walk) {
    auto random = generator(walk);
    auto state = random.desired();
    for (std::uint32_t i = 0; i < kStates; ++i, state = random.changed(state)) {
      SCOPED_TRACE(fmt::format("{}, walk {}, state {}", name(GetParam()), walk, i));
      reach(state);
      expect_stored(state);
      if (HasFailure()) return;
      for (const auto& space : state.spaces)
        if (space.state == State::up) devices += space.devices.size();
    }
    reach(nothing(state.settings));
    EXPECT_EQ(host_state(), bare) << "after walk " << walk;
    if (HasFailure()) return;
  }
  EXPECT_GT(devices, kWalks) << "hardly a space had one";
}

INSTANTIATE_TEST_SUITE_P(Kinds, EngineWalk,
                         testing::Values(DeviceKind::veth, DeviceKind::macvlan, DeviceKind::ipvlan,
                                         DeviceKind::vlan),
                         [](const auto& kind) { return std::string(name(kind.param)); });

}  // namespace
}  // namespace warren::engine
