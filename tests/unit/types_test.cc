// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses, networks, ports and names: what is taken, what is refused, and that printing is the inverse of
// parsing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "types/dhcp.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// A refusal is a usage error of one printable line that shows what was refused.
template <class T>
void expect_refused(const Result<T>& result, std::string_view text) {
  ASSERT_FALSE(result) << "'" << text << "' was taken";
  EXPECT_EQ(result.error().code, Code::usage);
  EXPECT_EQ(result.error().what.find('\n'), std::string::npos) << result.error().what;
  EXPECT_LT(result.error().what.size(), 400U);
}

TEST(Ip, TakesAndPrints) {
  const struct {
    std::string_view text, printed;
  } table[] = {{"0.0.0.0", "0.0.0.0"},
               {"100.64.0.2", "100.64.0.2"},
               {"255.255.255.255", "255.255.255.255"},
               {"::", "::"},
               {"::1", "::1"},
               {"FD00:0:0:2::2", "fd00:0:0:2::2"},
               {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
               {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
               {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}};
  for (const auto& [text, printed] : table) {
    const auto ip = Ip::parse(text);
    ASSERT_TRUE(ip) << text;
    EXPECT_EQ(ip->str(), printed);
    EXPECT_EQ(Ip::parse(ip->str()), *ip);
    EXPECT_EQ(Ip::from_bytes(ip->data(), ip->family()), *ip);
  }
}

TEST(Ip, Refuses) {
  for (const auto text :
       {""sv,          " "sv,          "1"sv,        "1.2.3"sv,         "1.2.3.4.5"sv,
        "256.0.0.1"sv, "01.2.3.4"sv,   "1.2.3.4 "sv, " 1.2.3.4"sv,      "1.2.3.4\n"sv,
        "1.2.3.4\0"sv, "1.2.3.4\0x"sv, "::1\0"sv,    "::1\0x"sv,        "0x7f.0.0.1"sv,
        "localhost"sv, ":"sv,          ":::"sv,      "1::2::3"sv,       "fe80::1%eth0"sv,
        "[::1]"sv,     "::1/64"sv,     "12345::"sv,  "1:2:3:4:5:6:7"sv, "1:2:3:4:5:6:7:8:9"sv,
        "\xff\xfe"sv})
    expect_refused(Ip::parse(text), text);
  expect_refused(Ip::parse(std::string(100000, '1')), "100,000 digits");
}

TEST(Ip, KnowsWhatItIs) {
  const auto is = [](std::string_view text) { return Ip::parse(text).value(); };
  EXPECT_TRUE(is("127.0.0.1").is_loopback() && is("127.255.0.1").is_loopback() && is("::1").is_loopback());
  EXPECT_FALSE(is("128.0.0.1").is_loopback() || is("::2").is_loopback() || is("1::1").is_loopback());
  EXPECT_TRUE(is("0.0.0.0").is_unspecified() && is("::").is_unspecified());
  EXPECT_FALSE(is("0.0.0.1").is_unspecified() || is("::1").is_unspecified());
  EXPECT_EQ(is("100.64.1.2").to_u32(), 0x64400102U);
  EXPECT_EQ(Ip::v4(0x64400102U), is("100.64.1.2"));
  EXPECT_EQ(is("::1").bracketed(), "[::1]");
  EXPECT_EQ(is("1.2.3.4").bracketed(), "1.2.3.4");
  EXPECT_LT(is("9.0.0.1"), is("10.0.0.1"));
  EXPECT_NE(is("0.0.0.0"), is("::"));  // same bytes, another family
}

TEST(Cidr, TakesAndPrints) {
  for (const auto text :
       {"0.0.0.0/0", "100.64.0.0/16", "1.2.3.4/32", "::/0", "fd00::/8", "fd00:1:2::/48", "::1/128"}) {
    const auto cidr = Cidr::parse(text);
    ASSERT_TRUE(cidr) << text;
    EXPECT_EQ(cidr->str(), text);
  }
}

TEST(Cidr, Refuses) {
  for (const auto text :
       {""sv, "/"sv, "100.64.0.0"sv, "100.64.0.0/"sv, "100.64.0.0/33"sv, "100.64.0.0/-1"sv, "100.64.0.0/+8"sv,
        "100.64.0.0/16 "sv, "100.64.0.0/1x"sv, "100.64.0.1/16"sv, "0.0.0.1/0"sv, "fd00::/129"sv,
        "fd00::1/64"sv, "fd00::/64/64"sv, "/16"sv, "x/16"sv, "1.2.3.4/99999999999999999999"sv})
    expect_refused(Cidr::parse(text), text);
}

TEST(Cidr, Contains) {
  const auto holds = [](std::string_view net, std::string_view ip) {
    return Cidr::parse(net).value().contains(Ip::parse(ip).value());
  };
  EXPECT_TRUE(holds("100.64.0.0/16", "100.64.0.0") && holds("100.64.0.0/16", "100.64.255.255"));
  EXPECT_FALSE(holds("100.64.0.0/16", "100.65.0.0") || holds("100.64.0.0/16", "100.63.255.255"));
  EXPECT_TRUE(holds("1.2.3.4/32", "1.2.3.4") && holds("0.0.0.0/0", "255.1.2.3"));
  EXPECT_FALSE(holds("1.2.3.4/32", "1.2.3.5"));
  EXPECT_TRUE(holds("10.0.0.0/9", "10.127.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/9", "10.128.0.1"));
  EXPECT_TRUE(holds("fd00:1:2::/48", "fd00:1:2:ffff::1"));
  EXPECT_FALSE(holds("fd00:1:2::/48", "fd00:1:3::1"));
  EXPECT_FALSE(holds("::/0", "1.2.3.4") || holds("0.0.0.0/0", "::1"));
}

TEST(Mac, Prints) { EXPECT_EQ((Mac{{0x02, 0, 0, 0xab, 0x0c, 0x80}}.str()), "02:00:00:ab:0c:80"); }

TEST(Port, TakesAndRefuses) {
  for (const auto& [text, value] : {std::pair{"1", 1}, {"80", 80}, {"65535", 65535}, {"0080", 80}})
    EXPECT_EQ(parse_port(text), value) << text;
  for (const auto text : {""sv, "0"sv, "65536"sv, "-1"sv, "+1"sv, "80 "sv, " 80"sv, "8o"sv, "0x50"sv,
                          "80\0"sv, "99999999999999999999"sv, "http"sv})
    expect_refused(parse_port(text), text);
}

TEST(PortRange, TakesAndRefuses) {
  EXPECT_EQ(PortRange::parse("8000-8099"), (PortRange{8000, 8099}));
  EXPECT_EQ(PortRange::parse("80"), (PortRange{80, 80}));
  EXPECT_EQ(PortRange::parse("80-80"), (PortRange{80, 80}));
  EXPECT_EQ(PortRange::parse("1-65535")->str(), "1-65535");
  EXPECT_EQ(PortRange::parse("80-80")->str(), "80");
  for (const auto text :
       {""sv, "-"sv, "80-"sv, "-80"sv, "0-10"sv, "10-65536"sv, "1-2-3"sv, "1--2"sv, "1 - 2"sv})
    expect_refused(PortRange::parse(text), text);
  const auto backwards = PortRange::parse("80-79");
  expect_refused(backwards, "80-79");
  EXPECT_NE(backwards.error().what.find("write 79-80"), std::string::npos) << "the remedy";
}

TEST(PortRange, OverlapsAndContains) {
  const PortRange range{10, 20};
  EXPECT_TRUE(range.contains(10) && range.contains(20));
  EXPECT_FALSE(range.contains(9) || range.contains(21));
  EXPECT_TRUE(range.overlaps({20, 30}) && range.overlaps({1, 10}) && range.overlaps({12, 13}) &&
              range.overlaps({1, 65535}));
  EXPECT_FALSE(range.overlaps({21, 30}) || range.overlaps({1, 9}));
}

TEST(ProtoPort, TakesAndRefuses) {
  EXPECT_EQ(ProtoPort::parse("tcp:53"), (ProtoPort{Proto::tcp, 53}));
  EXPECT_EQ(ProtoPort::parse("udp:53")->str(), "udp:53");
  for (const auto text :
       {""sv, "53"sv, "tcp"sv, "tcp:"sv, ":53"sv, "TCP:53"sv, "sctp:53"sv, "tcp:0"sv, "tcp:53:1"sv})
    expect_refused(ProtoPort::parse(text), text);
}

TEST(Dhcp, WhatAServerMayOffer) {
  const auto pool = Cidr::parse("100.64.0.0/16").value();
  const auto of = [&](std::string_view text) { return dhcp::fault_of(IpPrefix::parse(text).value(), pool); };
  for (const auto text :
       {"192.168.7.9/24"sv, "10.0.0.1/8"sv, "192.0.2.1/32"sv, "192.0.2.0/31"sv, "100.65.0.1/16"sv})
    EXPECT_EQ(of(text), "") << text;
  for (const auto text :
       {"192.168.7.66/1"sv, "10.0.0.1/7"sv, "100.64.0.1/32"sv, "100.64.7.7/24"sv, "100.1.2.3/8"sv,
        "100.65.0.1/15"sv, "224.0.0.1/32"sv, "255.255.255.255/32"sv, "240.0.0.1/24"sv, "0.1.2.3/24"sv,
        "169.254.1.1/16"sv, "192.0.2.0/24"sv, "192.0.2.255/24"sv, "2001:db8::1/64"sv})
    EXPECT_NE(of(text), "") << text;
  for (const auto text :
       {"100.64.0.1"sv, "127.0.0.1"sv, "0.0.0.0"sv, "224.0.0.1"sv, "169.254.0.1"sv, "fe80::1"sv})
    EXPECT_NE(dhcp::fault_of(Ip::parse(text).value(), pool), "") << text;
  EXPECT_EQ(dhcp::fault_of(Ip::parse("192.168.7.1").value(), pool), "");
}

TEST(Dhcp, LeaseComesBackAsItWent) {
  const dhcp::Lease whole{IpPrefix::parse("192.0.2.5/24").value(), Ip::parse("192.0.2.1").value()};
  for (const auto& lease : {whole, dhcp::Lease{whole.address, {}}, dhcp::Lease{}})
    EXPECT_EQ(dhcp::Lease::parse(lease.str()), lease);
  EXPECT_EQ(dhcp::Lease::parse("nonsense"), dhcp::Lease{});
}

TEST(SpaceName, TakesAndRefuses) {
  for (const auto& text : {"a"s, "_"s, "web1"s, "Web-1.x_y"s, std::string(32, 'z')})
    EXPECT_EQ(SpaceName::parse(text)->str(), text);
  for (const auto text : {""sv, "1web"sv, "-web"sv, ".web"sv, ".."sv, "../x"sv, "a/b"sv, "a b"sv, "a\n"sv,
                          "a\0"sv, "caf\xc3\xa9"sv, "a\"b"sv, "a;b"sv, "a$b"sv, "a:b"sv, "a@b"sv})
    expect_refused(SpaceName::parse(text), text);
  expect_refused(SpaceName::parse(std::string(33, 'z')), "33 characters");
  EXPECT_EQ(SpaceName::parse("a\x1b[2Jb").error().what.find('\x1b'), std::string::npos)
      << "an escape sequence would reach the terminal";
}

TEST(IfName, TakesAndRefuses) {
  for (const auto& text :
       {"lo"s, "eth0"s, "eth0.5"s, "veth_web_o"s, "br-1"s, "wg+x"s, "0"s, std::string(15, 'e')})
    EXPECT_EQ(IfName::parse(text)->str(), text);
  for (const auto text :
       {""sv, "."sv, ".."sv, "a/b"sv, "a b"sv, "a\""sv, "a*"sv, "a\n"sv, "0123456789abcdef"sv})
    expect_refused(IfName::parse(text), text);
}

}  // namespace
}  // namespace warren
