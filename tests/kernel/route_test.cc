// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses, routes and neighbours, of both families: what is put is dumped the same.
#include <algorithm>
#include <linux/rtnetlink.h>

#include "kernel_fixture.h"

namespace warren::netlink {
namespace {

class Routes : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(
        std::system("ip link add one type veth peer name two && ip link set one up && ip link set two up"),
        0);
    socket_.emplace(open());
    index_ = get_link(*socket_, ifname("one")).value()->index;
  }
  template <class F, class T>
  Status put(F function, const T& value) {
    Batch batch;
    function(batch, value);
    return socket_->run(batch);
  }
  bool has(const Route& route) {
    return std::ranges::count(dump_routes(*socket_, route.family).value(), route) == 1;
  }
  bool has(const Address& address) {
    return std::ranges::count(dump_addresses(*socket_).value(), address) == 1;
  }
  bool has(const Neighbour& neighbour) {
    return std::ranges::count(dump_neighbours(*socket_).value(), neighbour) == 1;
  }

  std::optional<Socket> socket_;
  int index_ = 0;
};

/// A route with the metric that the kernel would choose for IPv6, so that it is told back unchanged.
Route route_to(std::string_view dst, int index) {
  Route route;
  if (!dst.empty()) route.dst = Cidr::parse(dst).value();
  if (route.dst) route.family = route.dst->network().family();
  route.index = index;
  if (route.family == Family::v6) route.metric = 1024;
  return route;
}

TEST_F(Routes, AddressesRoundTrip) {
  for (const auto& address : {Address{index_, ip("100.64.0.2"), 32}, Address{index_, ip("10.1.2.3"), 24},
                              Address{index_, ip("10.9.9.1"), 32, ip("10.9.9.2")},
                              Address{index_, ip("10.1.2.4"), 24, {}, ip("10.1.2.255"), RT_SCOPE_LINK, true},
                              Address{index_, ip("fd00::2"), 64}, Address{1, ip("fd00:0:0:1::1"), 128}}) {
    ASSERT_OK(put(add_address, address)) << address.ip.str();
    EXPECT_TRUE(has(address)) << address.ip.str();
    EXPECT_TRUE(put(add_address, address)) << "once more is no error";
    EXPECT_TRUE(has(address));
    ASSERT_OK(put(delete_address, address));
    EXPECT_FALSE(has(address));
    const auto again = put(delete_address, address);
    ASSERT_FALSE(again);
  }
}

TEST_F(Routes, AnAddressIsUsableAtOnce) {
  ASSERT_OK(put(add_address, Address{index_, ip("fd00::2"), 64}));
  const auto fd = bound(SOCK_DGRAM, ip("fd00::2"), 0);  // EADDRNOTAVAIL while it is tentative
}

TEST_F(Routes, RoutesRoundTrip) {
  ASSERT_OK(put(add_address, Address{1, ip("100.64.0.1"), 32}));
  ASSERT_OK(put(add_address, Address{1, ip("fd00:0:0:1::1"), 128}));
  std::vector<Route> routes;
  routes.push_back(route_to("100.64.0.2/32", index_));
  routes.back().src = ip("100.64.0.1");
  routes.push_back(route_to("fd00:0:0:2::2/128", index_));
  routes.back().src = ip("fd00:0:0:1::1");
  routes.push_back(route_to("", index_));
  routes.back().gateway = ip("100.64.0.1");
  routes.push_back(route_to("2000::/3", index_));
  routes.back().gateway = ip("fe80::1");
  routes.push_back(route_to("100.64.0.0/16", 0));
  routes.back().unreachable = true;
  routes.back().metric = 65000;
  for (const auto& route : routes) {
    // A gateway that is an address of our own is refused; it stands at the other end in earnest.
    if (route.gateway == ip("100.64.0.1")) {
      ASSERT_OK(put(delete_address, Address{1, ip("100.64.0.1"), 32}));
    }
    ASSERT_OK(put(put_route, route)) << (route.dst ? route.dst->str() : "default");
    EXPECT_TRUE(has(route)) << (route.dst ? route.dst->str() : "default");
    EXPECT_TRUE(put(put_route, route)) << "once more is no error";
    EXPECT_TRUE(has(route)) << "and stands once";
    ASSERT_OK(put(delete_route, route));
    EXPECT_FALSE(has(route));
  }
}

TEST_F(Routes, UnreachableV6IsTold) {
  auto route = route_to("fd00::/48", 0);
  route.unreachable = true;
  route.metric = 65000;
  ASSERT_OK(put(put_route, route));
  const auto all = dump_routes(*socket_, Family::v6).value();
  const auto found = std::ranges::find(all, route.dst, &Route::dst);
  ASSERT_NE(found, all.end());
  EXPECT_TRUE(found->unreachable);
  EXPECT_EQ(found->metric, 65000U);
  ASSERT_OK(put(delete_route, route));
}

TEST_F(Routes, AnotherInterfaceReplaces) {
  const int other = get_link(*socket_, ifname("two")).value()->index;
  for (const auto* dst : {"100.64.0.2/32", "fd00:0:0:2::2/128"}) {
    ASSERT_OK(put(put_route, route_to(dst, index_)));
    ASSERT_OK(put(put_route, route_to(dst, other)));
    EXPECT_TRUE(has(route_to(dst, other))) << dst;
    EXPECT_FALSE(has(route_to(dst, index_))) << dst;
  }
}

TEST_F(Routes, OtherTablesAreNotTold) {
  ASSERT_EQ(
      std::system(
          "ip route add 192.0.2.0/24 dev one table 99 && ip -6 route add 2001:db8:9::/64 dev one table 99"),
      0);
  for (const auto family : {Family::v4, Family::v6}) {
    const auto routes = dump_routes(*socket_, family).value();
    for (const auto& route : routes)
      EXPECT_TRUE(!route.dst ||
                  (route.dst->str() != "192.0.2.0/24" && route.dst->str() != "2001:db8:9::/64"));
  }
}

TEST_F(Routes, TheWayOut) {
  EXPECT_EQ(route_interface(*socket_, ip("1.1.1.1")).value(), std::nullopt);
  EXPECT_EQ(route_interface(*socket_, ip("2606:4700::1")).value(), std::nullopt);
  ASSERT_EQ(std::system("ip route add default dev one && ip -6 route add default dev one"), 0);
  EXPECT_EQ(route_interface(*socket_, ip("1.1.1.1")).value(), index_);
  EXPECT_EQ(route_interface(*socket_, ip("2606:4700::1")).value(), index_);
  ASSERT_EQ(std::system("ip route add unreachable 1.1.1.0/24"), 0);
  EXPECT_EQ(route_interface(*socket_, ip("1.1.1.1")).value(), std::nullopt);
}

TEST_F(Routes, NeighboursRoundTrip) {
  for (const auto* text : {"100.64.0.1", "fe80::1", "fd00:0:0:2::2"}) {
    const Neighbour first{index_, ip(text), Mac{{0x02, 0, 0, 0, 2, 0x80}}};
    auto second = first;
    second.mac.bytes[5] = 0;
    ASSERT_OK(put(put_neighbour, first)) << text;
    EXPECT_TRUE(has(first)) << text;
    ASSERT_OK(put(put_neighbour, second));
    EXPECT_TRUE(has(second) && !has(first)) << text << ": replaced";
  }
  ASSERT_EQ(std::system("ip neigh add 100.64.0.9 lladdr 02:00:00:00:00:09 nud reachable dev one"), 0);
  const auto neighbours = dump_neighbours(*socket_).value();
  for (const auto& neighbour : neighbours) EXPECT_NE(neighbour.ip, ip("100.64.0.9")) << "not a permanent one";
}

}  // namespace
}  // namespace warren::netlink
