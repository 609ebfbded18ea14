// SPDX-License-Identifier: GPL-2.0-or-later
// One number: all that identifies a space is a pure function of it.
#include "model/derive.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

#include "model/forward_spec.h"

namespace warren::model {
namespace {

Settings settings() {
  Settings settings;
  settings.ula = Cidr::parse("fd12:3456:789a::/48").value();
  return settings;
}

Space space(SpaceNumber number, std::string_view name, std::vector<std::string_view> ports = {}) {
  Space space;
  space.number = number;
  space.name = SpaceName::parse(name).value();
  for (const auto text : ports)
    for (const auto& forward : ForwardSpec::parse(text)->forwards({1, 1})) space.forwards.push_back(forward);
  std::ranges::sort(space.forwards);
  return space;
}

Ip ip(std::string_view text) { return Ip::parse(text).value(); }

TEST(Derive, TheNumberGivesAddressesAndMacs) {
  const struct {
    SpaceNumber number;
    std::string_view ip4, ip6, inner_mac, outer_mac;
  } table[] = {
      {2, "100.64.0.2", "fd12:3456:789a:2::2", "02:00:00:00:02:00", "02:00:00:00:02:80"},
      {255, "100.64.0.255", "fd12:3456:789a:ff::2", "02:00:00:00:ff:00", "02:00:00:00:ff:80"},
      {256, "100.64.1.0", "fd12:3456:789a:100::2", "02:00:00:01:00:00", "02:00:00:01:00:80"},
      {65534, "100.64.255.254", "fd12:3456:789a:fffe::2", "02:00:00:ff:fe:00", "02:00:00:ff:fe:80"},
  };
  for (const auto& row : table) {
    const auto w = wiring(space(row.number, "web"), settings());
    EXPECT_EQ(w.ip4.str(), row.ip4);
    EXPECT_EQ(w.ip6.value().str(), row.ip6);
    EXPECT_EQ(w.inner_mac.str(), row.inner_mac);
    EXPECT_EQ(w.outer_mac.str(), row.outer_mac);
  }
}

TEST(Derive, TheHostIsNumberOne) {
  EXPECT_EQ(gateway4(settings()), ip("100.64.0.1"));
  EXPECT_EQ(gateway6(settings()), ip("fd12:3456:789a:1::1"));
  EXPECT_EQ(link_gateway6(), ip("fe80::1"));
}

TEST(Derive, WithoutIpv6ThereIsNone) {
  auto off = settings();
  off.ipv6 = false;
  EXPECT_FALSE(wiring(space(2, "web"), off).ip6);
  EXPECT_FALSE(gateway6(off));
  for (const auto& element : elements(space(2, "web", {"80:80"}), off)) EXPECT_EQ(element.family, Family::v4);
}

TEST(Derive, AddressesGivenByHandWin) {
  auto one = space(2, "web");
  one.ip4 = ip("100.64.9.9");
  one.ip6 = ip("fd12:3456:789a::99");
  const auto w = wiring(one, settings());
  EXPECT_EQ(w.ip4, *one.ip4);
  EXPECT_EQ(w.ip6, one.ip6);
  EXPECT_EQ(w.inner_mac.str(), "02:00:00:00:02:00") << "the rest still comes from the number";
}

TEST(Derive, NamesOfMoreThanFifteenCharactersAreShortened) {
  const auto eight = wiring(space(2, "web45678"), settings());  // veth_web45678_o: 15
  EXPECT_EQ(eight.outer.str(), "veth_web45678_o");
  EXPECT_EQ(eight.inner.str(), "veth_web45678");
  EXPECT_TRUE(eight.outer_alt.empty() && eight.inner_alt.empty());
  const auto nine = wiring(space(65534, "web456789"), settings());
  EXPECT_EQ(nine.outer.str(), "veth_65534_o");
  EXPECT_EQ(nine.inner.str(), "veth_65534");
  EXPECT_EQ(nine.outer_alt, "veth_web456789_o");
  EXPECT_EQ(nine.inner_alt, "veth_web456789");
  const auto longest = wiring(space(3, std::string(32, 'n')), settings());
  EXPECT_EQ(longest.outer_alt.size(), 39U);
}

TEST(Derive, NoTwoNumbersShareAnything) {
  std::set<std::string> seen;
  std::size_t wanted = 0;
  for (unsigned number = kFirstNumber; number <= kLastNumber; number += 7, wanted += 4) {
    const auto w = wiring(space(static_cast<SpaceNumber>(number), "web"), settings());
    for (const auto& text : {w.ip4.str(), w.ip6->str(), w.inner_mac.str(), w.outer_mac.str()})
      seen.insert(text);
  }
  EXPECT_EQ(seen.size(), wanted);
}

TEST(Derive, TheShortNameOfALongOneMayBeAnothersFullName) {
  // "veth_7_o" is that of number 7 with a long name, and of nobody else: no space may be called 7.
  EXPECT_FALSE(SpaceName::parse("7"));
}

TEST(Derive, TheLastNumberFitsThePool) {
  auto some = settings();
  EXPECT_EQ(last_number(some), 65534);
  some.pool = Cidr::parse("10.0.0.0/24").value();
  EXPECT_EQ(last_number(some), 254);
  EXPECT_EQ(address4(some, last_number(some)), ip("10.0.0.254")) << "not the broadcast address";
}

TEST(Derive, AddressesGivenByHandAreChecked) {
  for (const auto text : {"100.64.0.2", "100.64.200.7", "fd12:3456:789a::77", "fd12:3456:789a:1::2"})
    EXPECT_TRUE(check_address(settings(), ip(text))) << text;
  const struct {
    std::string_view text, why;
  } table[] = {{"100.65.0.2", "inside 100.64.0.0/16"},
               {"100.64.0.1", "gateway"},
               {"100.64.0.0", "network's own"},
               {"100.64.255.255", "broadcast"},
               {"fd12:3456:789b::2", "inside fd12:3456"},
               {"fd12:3456:789a:1::1", "gateway"},
               {"fd12:3456:789a::", "network's own"},
               {"fe80::1", "inside"},
               {"127.0.0.1", "inside"}};
  for (const auto& [text, why] : table) {
    const auto status = check_address(settings(), ip(text));
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().code, Code::usage);
    EXPECT_NE(status.error().what.find(why), std::string::npos) << status.error().what;
  }
  auto off = settings();
  off.ipv6 = false;
  EXPECT_NE(check_address(off, ip("fd12:3456:789a::2")).error().what.find("IPv6 is off"), std::string::npos);
}

TEST(Elements, OfASpaceAreItsSourcesAndForwards) {
  const auto all = elements(space(2, "web", {"6000:8080", "53:53/udp", "8000-8099"}), settings());
  EXPECT_EQ(std::ranges::count(all, SetId::sources, &Element::set), 2);
  EXPECT_EQ(std::ranges::count(all, SetId::forwards, &Element::set), 4);
  EXPECT_EQ(std::ranges::count(all, SetId::ranges, &Element::set), 2)
      << "a range is one element, not a hundred";
  EXPECT_EQ(std::ranges::count(all, SetId::no_nat, &Element::set), 0);
  for (const auto& element : all)
    if (element.set == SetId::sources) {
      EXPECT_EQ(element.interface.str(), "veth_web_o");
    }
}

TEST(MacOfASpace, TellsItsNumber) {
  for (const auto number : {kFirstNumber, SpaceNumber{300}, kLastNumber}) {
    const auto w = wiring(space(number, "web"), settings());
    EXPECT_EQ(number_in(w.inner_mac), number);
    EXPECT_EQ(number_in(w.outer_mac), std::nullopt) << "that of the host's end is none inside";
  }
  EXPECT_EQ(number_in({{0x02, 0, 0, 0, 0, 0}}), std::nullopt);
  EXPECT_EQ(number_in({{0x52, 0, 0, 0, 2, 0}}), std::nullopt);
}

TEST(Elements, AHostAddressHasOneFamily) {
  const auto v4 = elements(space(2, "web", {"203.0.113.1:80:8080"}), settings());
  ASSERT_EQ(std::ranges::count(v4, SetId::forwards_at, &Element::set), 1);
  const auto v6 = elements(space(2, "web", {"[2001:db8::1]:80:8080"}), settings());
  const auto found = std::ranges::find(v6, SetId::forwards_at, &Element::set);
  ASSERT_NE(found, v6.end());
  EXPECT_EQ(found->family, Family::v6);
  EXPECT_EQ(found->to, ip("fd12:3456:789a:2::2"));
  EXPECT_EQ(found->to_port, 8080);
}

TEST(Elements, WithoutNatTheAddressesSaySo) {
  auto one = space(2, "web");
  one.nat = false;
  const auto all = elements(one, settings());
  EXPECT_EQ(std::ranges::count(all, SetId::no_nat, &Element::set), 2);
}

}  // namespace
}  // namespace warren::model
