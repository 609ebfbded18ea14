// SPDX-License-Identifier: GPL-2.0-or-later
// Devices as values: what can be, their MACs and names, and what the plan makes of what is missing.
#include "model/device.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>

#include "config/spaces_file.h"
#include "engine/plan.h"
#include "kinds/device/aspects.h"

namespace warren::model {
namespace {

Device make(DeviceKind kind, std::uint8_t index = 1) {
  Device out;
  out.kind = kind;
  out.index = index;
  if (kind != DeviceKind::veth) out.parent = IfName::parse("eth0").value();
  return out;
}

std::string refusal(Device device) {
  const auto done = complete(device);
  return done ? "" : done.error().what;
}

TEST(Device, MacsAreOfVlanNumberAndIndex) {
  auto one = make(DeviceKind::vlan, 3);
  one.vlan = 0x0abc;
  EXPECT_EQ(device_mac(0x1234, one).str(), "02:0a:bc:12:34:03");
  EXPECT_EQ(host_mac(0x1234, one).str(), "02:0a:bc:12:34:83");
  one.mac = Mac::parse("02:00:00:00:00:07").value();
  EXPECT_EQ(device_mac(0x1234, one).str(), "02:00:00:00:00:07");
}

TEST(Device, NoMacIsOfTwoInterfaces) {
  std::set<Mac> seen;
  for (const auto vlan : std::to_array<std::uint16_t>({0, 1, 255, 256, 4094}))
    for (const auto number : std::to_array<SpaceNumber>({2, 255, 256, 65534}))
      for (const auto index : std::to_array<std::uint8_t>({1, 2, 127})) {
        auto one = make(DeviceKind::macvlan, index);
        one.vlan = vlan;
        EXPECT_TRUE(seen.insert(device_mac(number, one)).second);
        EXPECT_TRUE(seen.insert(host_mac(number, one)).second);
      }
}

TEST(Device, NamesOnTheHostFit) {
  auto one = make(DeviceKind::veth, kLastDevice);
  EXPECT_EQ(host_link(65534, one).str(), "veth_65534_o127");
  one.shim = true;
  EXPECT_EQ(host_link(65534, one).str(), "shim_65534_127");
}

TEST(Device, SitsOnItsBaseAndOnTheParentOfThat) {
  const auto eth0 = IfName::parse("eth0").value(), vlan = IfName::parse("eth0.100").value();
  auto own = make(DeviceKind::macvlan), plain = own, stacked = own;
  own.vlan = 100;
  plain.parent = vlan;
  stacked.parent = vlan, stacked.vlan = 5;
  EXPECT_TRUE(sits_on(own, vlan) && sits_on(own, eth0) && sits_on(plain, vlan) && sits_on(stacked, vlan));
  EXPECT_FALSE(sits_on(plain, eth0) || sits_on(make(DeviceKind::macvlan), vlan));
}

TEST(Device, DefaultsAreFilledIn) {
  auto macvlan = make(DeviceKind::macvlan, 4);
  ASSERT_TRUE(complete(macvlan));
  EXPECT_EQ(macvlan.name.str(), "eth4");
  EXPECT_EQ(macvlan.mode, DeviceMode::bridge);
  auto vlan = make(DeviceKind::vlan);
  vlan.vlan = 100;
  ASSERT_TRUE(complete(vlan));
  EXPECT_EQ(vlan.name.str(), "vlan100");
  auto physical = make(DeviceKind::physical);
  ASSERT_TRUE(complete(physical));
  EXPECT_EQ(physical.name.str(), "eth0");
}

TEST(Device, WhatCannotBeIsRefused) {
  EXPECT_EQ(refusal(make(DeviceKind::vlan)), "a vlan needs a VLAN ID, 1 to 4094");
  auto none = make(DeviceKind::ipvlan);
  none.parent.reset();
  EXPECT_EQ(refusal(none), "an ipvlan needs a parent: name the interface of the host");
  auto far = make(DeviceKind::macvlan);
  far.vlan = 4095;
  EXPECT_EQ(refusal(far), "VLAN ID 4095 is out of range: give 1 to 4094");
  far.vlan = 4094, far.parent = IfName::parse("enp129s0f0np0").value();
  EXPECT_EQ(refusal(far),
            "'enp129s0f0np0.4094' is too long for an interface: give the parent a shorter name");
  auto mac = make(DeviceKind::ipvlan);
  mac.mac = Mac::parse("02:00:00:00:00:07").value();
  EXPECT_EQ(refusal(mac), "an ipvlan has the MAC of its parent: leave the MAC out");
}

TEST(Device, IndicesAreGivenFromTheLowest) {
  EXPECT_EQ(free_index({make(DeviceKind::veth, 1), make(DeviceKind::veth, 3)}), 2);
  std::vector<Device> all;
  for (std::uint8_t i = 1; i <= kLastDevice; ++i) all.push_back(make(DeviceKind::veth, i));
  EXPECT_EQ(free_index(all), std::nullopt);
}

TEST(Mac, ParsesWhatItPrints) {
  EXPECT_EQ(Mac::parse("02:aB:00:00:00:fF")->str(), "02:ab:00:00:00:ff");
  for (const auto* bad : {"", "02:00:00:00:00", "02-00-00-00-00-01", "02:00:00:00:00:0g",
                          "02:00:00:00:00:01 ", "2:00:00:00:00:001"})
    EXPECT_FALSE(Mac::parse(bad)) << bad;
  EXPECT_FALSE(Mac::parse("01:00:00:00:00:01")->is_unicast());
  EXPECT_FALSE(Mac::parse("00:00:00:00:00:00")->is_unicast());
}

TEST(IpPrefix, ParsesAddressesOfInterfaces) {
  EXPECT_EQ(IpPrefix::parse("192.0.2.5/24")->str(), "192.0.2.5/24");
  EXPECT_EQ(IpPrefix::parse("192.0.2.5")->str(), "192.0.2.5/32");
  EXPECT_EQ(IpPrefix::parse("2001:db8::1/64")->str(), "2001:db8::1/64");
  for (const auto* bad : {"", "192.0.2.5/", "192.0.2.5/33", "192.0.2.5/0", "192.0.2.5/24x", "0.0.0.0/8",
                          "127.0.0.1/8", "::/64"})
    EXPECT_FALSE(IpPrefix::parse(bad)) << bad;
}

/// One space with these devices, which is up, and whole but for them.
struct Case {
  Desired desired;
  Observed observed;
  explicit Case(std::vector<Device> devices) {
    Space space;
    space.number = 2;
    space.name = SpaceName::parse("fw").value();
    space.uplink = false;
    space.devices = std::move(devices);
    desired.settings.ula = Cidr::parse("fd00::/48").value();
    desired.spaces = {space};
    observed = engine::expected(desired, desired);
  }
  /// What is seen of its first device.
  std::uint32_t& seen() {
    return std::ranges::find_if(observed.facts, [](const Fact& fact) { return fact.item == 1; })->aspects;
  }
  [[nodiscard]] Plan plan() const { return engine::plan(desired, observed); }
  [[nodiscard]] std::vector<std::string> faults() const { return engine::faults(plan(), desired); }
};

TEST(DevicePlan, NothingWhereAllIsRight) {
  auto one = make(DeviceKind::macvlan);
  ASSERT_TRUE(complete(one));
  const Case right({one});
  EXPECT_TRUE(right.plan().empty());
}

TEST(DevicePlan, NamesWhatIsMissing) {
  auto one = make(DeviceKind::macvlan);
  one.addresses = {IpPrefix::parse("192.0.2.5/24").value()};
  ASSERT_TRUE(complete(one));
  Case wrong({one});
  wrong.seen() &= ~device::Parts{device::Part::addresses}.bits();
  EXPECT_EQ(wrong.faults(), std::vector<std::string>{"space fw: eth1 does not have all its addresses"});
  wrong.seen() = 0;
  EXPECT_EQ(wrong.faults(),
            std::vector<std::string>{"space fw: macvlan eth1 on eth0 is gone or not what it should be"});
}

TEST(DevicePlan, WhatLeavesIsDropped) {
  auto one = make(DeviceKind::macvlan);
  ASSERT_TRUE(complete(one));
  one.leaving = true;
  const Case going({one});
  const auto plan = going.plan();
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].action, Step::Action::drop);
}

TEST(DevicePlan, OnesOwnIsGivenBackBySpacesThatAreDown) {
  auto one = make(DeviceKind::physical);
  ASSERT_TRUE(complete(one));
  Case down({one});
  down.desired.spaces[0].state = State::down;
  down.observed.facts.clear();
  EXPECT_TRUE(down.plan().steps.empty());
  down.desired.spaces[0].devices[0].home = Origin{};
  EXPECT_TRUE(down.plan().steps.empty()) << "it is there, and known";
  down.desired.spaces[0].devices[0].origin = Origin{};
  ASSERT_EQ(down.plan().steps.size(), 1U);
  EXPECT_EQ(down.plan().steps[0].action, Step::Action::drop);
}

TEST(DeviceFile, IsReadAsItWasWritten) {
  Space space;
  space.number = 2;
  space.name = SpaceName::parse("b.example").value();
  space.uplink = false;
  auto all = make(DeviceKind::macvlan, 5);
  all.vlan = 100, all.mode = DeviceMode::bridge, all.dhcp = all.shim = true;
  all.mac = Mac::parse("02:00:00:00:00:07").value();
  all.addresses = {IpPrefix::parse("192.0.2.5/24").value(), IpPrefix::parse("2001:db8::5/64").value()};
  all.gateways = {Ip::parse("192.0.2.1").value()};
  auto nic = make(DeviceKind::physical, 1);
  nic.is_virtual = true;
  space.devices = {nic, all};
  for (auto& one : space.devices) ASSERT_TRUE(complete(one));
  const auto text = config::write_spaces({space});
  const auto file = config::parse_spaces(text, "x");
  ASSERT_TRUE(file) << file.error().what << "\n" << text;
  EXPECT_FALSE(file->spaces[0].uplink);
  EXPECT_EQ(file->spaces[0].devices, space.devices);
}

}  // namespace
}  // namespace warren::model
