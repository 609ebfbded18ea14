// SPDX-License-Identifier: GPL-2.0-or-later
// By what an interface of the host is known again, though others give their own ones its name and its MAC.
#include <gtest/gtest.h>

#include "host/links.h"
#include "kinds/device/origin.h"
#include "model/derive.h"

namespace warren::device {
namespace {

Mac mac(std::string_view text) { return Mac::parse(text).value(); }

/// A NIC, and the device that it is; as it is on the host before.
struct Nic {
  Nic() {
    link.index = 3, link.name = "eth1", link.mac = mac("52:54:00:00:00:01");
    link.permanent_mac = link.mac, link.hardware = "virtio/virtio0";
    device.kind = model::DeviceKind::physical;
    device.parent = device.name = IfName::parse("eth1").value();
    device.origin = model::Origin{"", link.mac, link.permanent_mac, link.hardware, 3};
  }
  netlink::Link link;
  model::Device device;
};

TEST(OriginTest, ARealOneIsKnownByWhatNobodyGives) {
  Nic nic;
  nic.link.name = "hidden", nic.link.mac = mac("02:00:00:00:00:99"), nic.link.index = 77;
  EXPECT_TRUE(is_inside(nic.link, nic.device));
  EXPECT_TRUE(is_on_host(nic.link, nic.device));
  for (const auto* kind : {"veth", "ipvlan", "macvlan", "tun"}) {
    auto fake = Nic().link;
    fake.kind = kind;  // an ipvlan has even the permanent address of what it sits on
    EXPECT_FALSE(is_inside(fake, nic.device)) << kind;
    EXPECT_FALSE(is_on_host(fake, nic.device)) << kind;
  }
}

TEST(OriginTest, AnotherRealOneIsNone) {
  const Nic nic;
  auto other = nic.link;
  other.permanent_mac = mac("52:54:00:00:00:02");
  EXPECT_FALSE(is_inside(other, nic.device));
  EXPECT_FALSE(is_on_host(other, nic.device));
  other = nic.link;
  other.hardware = "virtio/virtio1";
  EXPECT_FALSE(is_inside(other, nic.device));
}

TEST(OriginTest, OneWithNothingBurntInIsKnownByItsPlaceElseByItsMac) {
  Nic nic;
  nic.link.permanent_mac.reset(), nic.device.origin->permanent.reset();
  nic.link.mac = mac("02:00:00:00:00:99");
  EXPECT_TRUE(is_inside(nic.link, nic.device));
  nic.link.hardware.clear(), nic.device.origin->hardware.clear();
  EXPECT_FALSE(is_inside(nic.link, nic.device));
  nic.link.mac = nic.device.origin->mac;
  EXPECT_TRUE(is_inside(nic.link, nic.device));
}

TEST(OriginTest, AVirtualOneIsKnownByKindAndIndex) {
  Nic nic;
  nic.link.kind = nic.device.origin->kind = "veth";
  EXPECT_TRUE(is_inside(nic.link, nic.device));
  auto other = nic.link;
  other.index = 4;
  EXPECT_FALSE(is_inside(other, nic.device));
  other = nic.link;
  other.kind = "macvlan";
  EXPECT_FALSE(is_inside(other, nic.device));
  std::swap(nic.device.origin, nic.device.home);
  nic.link.name = "eth1_1";
  EXPECT_TRUE(is_on_host(nic.link, nic.device)) << "it came back under another name";
}

TEST(OwnLinks, AreOfTheKindsAndNamesThatWarrenGives) {
  netlink::Link link;
  link.group = model::kLeavingGroup;
  const auto own = [&](const char* kind, const char* name) {
    link.kind = kind, link.name = name;
    return host::is_own(link);
  };
  EXPECT_TRUE(own("veth", "veth_web1_o") && own("veth", "veth_7_o1") && own("macvlan", "shim_7_1"));
  EXPECT_TRUE(own("vlan", "eth0.100"));
  EXPECT_FALSE(own("", "eth0") || own("", "veth_web1_o") || own("veth", "nic0") || own("macvlan", "mac0"));
  link.mac = mac("02:00:00:00:07:80");
  EXPECT_TRUE(own("veth", "renamed"));
  link.group = 0;
  EXPECT_FALSE(own("veth", "veth_web1_o"));
}

}  // namespace
}  // namespace warren::device
