// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests on the real kernel share: each runs in a network namespace of its own, in the throw-away
// host.
#pragma once

#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "base/place.h"
#include "netlink/link.h"
#include "netlink/route.h"
#include "netlink/socket.h"
#include "sys/netns.h"
#include "types/port.h"

namespace warren {

/// The throw-away host has all to itself.
inline const Place kPlace = Place::of_host();

inline Ip ip(std::string_view text) { return Ip::parse(text).value(); }
inline IfName ifname(std::string_view text) { return IfName::parse(text).value(); }
inline SpaceName space_name(std::string_view text) { return SpaceName::parse(text).value(); }

template <class T>
testing::AssertionResult is_ok(const Result<T>& result) {
  return result ? testing::AssertionSuccess() : testing::AssertionFailure() << result.error().what;
}
/// ASSERT that a Result or Status is good, and say why not.
#define ASSERT_OK(...) ASSERT_TRUE(::warren::is_ok(__VA_ARGS__))

/// Skips where it would touch the machine.
class HostTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::getenv("WARREN_TEST_HOST")) GTEST_SKIP() << "runs in tests/lib/host.sh only";
  }
};

/// A fresh namespace, with lo up, for the calling thread.
class NetnsTest : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped()) return;
    home_ = sys::current_netns().value();
    ASSERT_OK(sys::unshare_netns());
    ASSERT_EQ(std::system("ip link set lo up"), 0);
  }
  void TearDown() override {
    if (home_.valid()) {
      EXPECT_TRUE(sys::enter_netns(home_.get()));
    }
  }
  static netlink::Socket open(int protocol = NETLINK_ROUTE) {
    return netlink::Socket::open(protocol).value();
  }

 private:
  UniqueFd home_;
};

/// An address and port as the socket calls want them.
struct SocketAddress {
  SocketAddress(const Ip& ip, Port port) {
    if (ip.is_v4()) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, ip.data(), 4);
      std::memcpy(&storage, &v4, sizeof v4);
      size = sizeof v4;
    } else {
      storage.sin6_family = AF_INET6;
      storage.sin6_port = htons(port);
      std::memcpy(&storage.sin6_addr, ip.data(), 16);
    }
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr_in6 storage{};
  socklen_t size = sizeof storage;
};

/// A socket bound to the address.
inline UniqueFd bound(int type, const Ip& at, Port port, bool v6_only = true) {
  UniqueFd fd(::socket(at.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  const int on = v6_only ? 1 : 0;
  if (!at.is_v4()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SocketAddress address(at, port);
  EXPECT_EQ(::bind(fd.get(), address.get(), address.size), 0) << std::strerror(errno);
  return fd;
}

}  // namespace warren
