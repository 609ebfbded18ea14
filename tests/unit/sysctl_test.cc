// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of kernel settings, as sysctl(8) writes them.
#include "sys/sysctl.h"

#include <gtest/gtest.h>

namespace warren::sys {
namespace {

TEST(Sysctl, KeysRoundTrip) {
  for (const auto conf :
       {Conf::forwarding, Conf::force_forwarding, Conf::accept_ra, Conf::disable_ipv6, Conf::rp_filter})
    for (const auto family : {Family::v4, Family::v6})
      for (const auto* name : {"all", "eth0", "eth0.5", "veth_web.1_o", "br-1", "a.forwarding"}) {
        const Sysctl sysctl{family, conf, name};
        EXPECT_EQ(Sysctl::parse(sysctl.key()), sysctl) << sysctl.key();
      }
}

TEST(Sysctl, TextIsAsTheToolsHaveIt) {
  const Sysctl sysctl{Family::v4, Conf::forwarding, "eth0.5"};
  EXPECT_EQ(sysctl.key(), "net.ipv4.conf.eth0/5.forwarding");
  EXPECT_EQ(sysctl.path(), "/proc/sys/net/ipv4/conf/eth0.5/forwarding");
}

TEST(Sysctl, NoOtherPathCanBeMade) {
  for (const auto* key : {"", "net.ipv4.conf..forwarding", "net.ipv4.conf.forwarding", "net.ipv4.ip_forward",
                          "kernel.core_pattern", "net.ipv4.conf.//.forwarding",
                          "net.ipv4.conf.a/b c.forwarding", "net.ipv4.conf.eth0.proxy_arp"})
    EXPECT_FALSE(Sysctl::parse(key)) << key;
}

}  // namespace
}  // namespace warren::sys
