// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/header.h"

#include <gtest/gtest.h>

#include <string>

namespace warren::proxy {
namespace {

using namespace std::string_literals;

Passage passage4() {
  return {Address::of(Ip::v4(0x64400002), 40001), Address::of(Ip::v4(0x7f000001), 3306), "web1"};
}

Passage passage6() {
  return {Address::of(*Ip::parse("fd00:1:2:3::2"), 1), Address::of(*Ip::parse("::1"), 65535), "web1"};
}

TEST(ProxyHeader, NoneIsEmpty) { EXPECT_EQ(header_text(Header::none, passage4()), ""); }

TEST(ProxyHeader, Version1) {
  EXPECT_EQ(header_text(Header::v1, passage4()), "PROXY TCP4 100.64.0.2 127.0.0.1 40001 3306\r\n");
  EXPECT_EQ(header_text(Header::v1, passage6()), "PROXY TCP6 fd00:1:2:3::2 ::1 1 65535\r\n");
}

TEST(ProxyHeader, Version2HasAddressesPortsAndTheSpace) {
  const auto expected = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13"s + "\x64\x40\0\x02"s + "\x7f\0\0\x01"s +
                        "\x9c\x41\x0c\xea"s + "\x30\0\x04web1"s;
  EXPECT_EQ(header_text(Header::v2, passage4()), expected);
}

TEST(ProxyHeader, Version2OfIpv6) {
  const auto text = header_text(Header::v2, passage6());
  ASSERT_EQ(text.size(), 16U + 36U + 7U);
  EXPECT_EQ(text[13], 0x21);
  EXPECT_EQ(text.substr(14, 2), "\0\x2b"s);
  EXPECT_EQ(text.substr(16, 16), "\xfd\0\0\x01\0\x02\0\x03\0\0\0\0\0\0\0\x02"s);
  EXPECT_EQ(text.substr(48, 4), "\0\x01\xff\xff"s);
}

TEST(ProxyHeader, Version2WithoutASpace) {
  auto passage = passage4();
  passage.space = "";
  EXPECT_EQ(header_text(Header::v2, passage).size(), 16U + 12U);
}

}  // namespace
}  // namespace warren::proxy
