// SPDX-License-Identifier: GPL-2.0-or-later
// Links: what is put is dumped the same.
#include <algorithm>
#include <linux/ip.h>

#include "kernel_fixture.h"

namespace warren::netlink {
namespace {

constexpr Mac kOuterMac{{0x02, 0, 0, 0, 2, 0x80}};
constexpr Mac kInnerMac{{0x02, 0, 0, 0, 2, 0}};

class Links : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped()) return;
    const auto home = sys::current_netns().value();
    ASSERT_OK(sys::unshare_netns());
    room_ = sys::current_netns().value();
    inside_.emplace(open());
    ASSERT_OK(sys::enter_netns(home.get()));
    host_.emplace(open());
  }
  Status make(std::string_view outer, std::string_view inner = "veth_in", std::uint32_t group = 77) {
    Batch batch;
    create_veth(batch, {ifname(outer), ifname(inner), kOuterMac, kInnerMac, 1400, group, room_.get()});
    return host_->run(batch);
  }
  std::optional<Link> host(std::string_view name) { return get_link(*host_, ifname(name)).value(); }
  std::optional<Link> inside(std::string_view name) { return get_link(*inside_, ifname(name)).value(); }
  Status change(std::string_view name, const LinkChange& change) {
    Batch batch;
    change_link(batch, ifname(name), change);
    return host_->run(batch);
  }

  UniqueFd room_;
  std::optional<Socket> host_, inside_;
};

TEST_F(Links, ThePeerIsBornInTheOtherNamespace) {
  ASSERT_OK(make("veth_out", "veth_in"));
  const auto outer = host("veth_out"), inner = inside("veth_in");
  ASSERT_TRUE(outer && inner);
  EXPECT_FALSE(host("veth_in"));
  EXPECT_FALSE(inside("veth_out"));
  EXPECT_EQ(outer->kind, "veth");
  EXPECT_EQ(outer->mac, kOuterMac);
  EXPECT_EQ(inner->mac, kInnerMac);
  EXPECT_EQ(outer->mtu, 1400U);
  EXPECT_EQ(inner->mtu, 1400U);
  EXPECT_EQ(outer->group, 77U);
  EXPECT_EQ(inner->group, 0U);
  EXPECT_EQ(outer->peer_index, inner->index);
  EXPECT_EQ(inner->peer_index, outer->index);
  EXPECT_FALSE(outer->up || inner->up);
}

TEST_F(Links, ATakenNameIsRefused) {
  ASSERT_OK(make("veth_out"));
  const auto again = make("veth_out", "veth_two");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::exists) << again.error().what;
  EXPECT_FALSE(inside("veth_two")) << "half a pair";
  EXPECT_FALSE(make("veth_three", "veth_in"));
  EXPECT_FALSE(host("veth_three")) << "half a pair";
}

TEST_F(Links, ChangesAreSeen) {
  ASSERT_OK(make("veth_out"));
  LinkChange wanted;
  wanted.up = true;
  wanted.noarp = true;
  wanted.mtu = 1300;
  wanted.group = 78;
  wanted.mac = Mac{{0x02, 1, 2, 3, 4, 5}};
  wanted.no_autoconf = true;
  wanted.ipv4_conf = {
      {IPV4_DEVCONF_FORWARDING, 1}, {IPV4_DEVCONF_ROUTE_LOCALNET, 1}, {IPV4_DEVCONF_SEND_REDIRECTS, 0}};
  ASSERT_OK(change("veth_out", wanted));
  const auto link = host("veth_out");
  ASSERT_TRUE(link);
  EXPECT_TRUE(link->up && link->noarp && link->no_autoconf);
  EXPECT_EQ(link->mtu, 1300U);
  EXPECT_EQ(link->group, 78U);
  EXPECT_EQ(link->mac, wanted.mac);
  EXPECT_EQ(link->ipv4(IPV4_DEVCONF_FORWARDING), 1U);
  EXPECT_EQ(link->ipv4(IPV4_DEVCONF_ROUTE_LOCALNET), 1U);
  EXPECT_EQ(link->ipv4(IPV4_DEVCONF_SEND_REDIRECTS), 0U);
  const auto addresses = dump_addresses(*host_).value();
  for (const auto& address : addresses)
    EXPECT_NE(address.index, link->index) << "no address by itself: " << address.ip.str();

  LinkChange less;
  less.up = false;
  ASSERT_OK(change("veth_out", less));
  const auto after = host("veth_out");
  EXPECT_FALSE(after->up);
  EXPECT_TRUE(after->noarp) << "what is not named stays";
  EXPECT_EQ(after->mtu, 1300U);
}

TEST_F(Links, ALongNameIsFoundToo) {
  ASSERT_OK(make("veth_2_o"));
  const std::string full = "veth_a-name-of-thirty-two-characters_o";
  Batch batch;
  add_altname(batch, ifname("veth_2_o"), full);
  ASSERT_OK(host_->run(batch));
  EXPECT_EQ(std::system(fmt::format("ip link show {} >/dev/null", full).c_str()), 0);
  batch.clear();
  add_altname(batch, ifname("lo"), full);
  EXPECT_FALSE(host_->run(batch)) << "it is taken";
}

TEST_F(Links, AQueryWithinABatchSeesWhatTheBatchDid) {
  ASSERT_OK(make("veth_out"));
  Batch batch;
  LinkChange wanted;
  wanted.mtu = 1299;
  change_link(batch, ifname("veth_out"), wanted);
  query_link(batch, ifname("veth_out"));
  std::optional<Link> seen;
  ASSERT_OK(host_->run(batch, [&](const MessageView& message) { seen = parse_link(message); }));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->mtu, 1299U);
}

TEST_F(Links, AGroupGoesAtOnceAndNothingElse) {
  for (int i = 0; i < 5; ++i)
    ASSERT_OK(make(fmt::format("veth_{}_o", i), fmt::format("veth_{}", i), i < 3 ? 77 : 78));
  Batch batch;
  delete_group(batch, 77);
  ASSERT_OK(host_->run(batch));
  const auto left = dump_links(*host_).value();
  EXPECT_EQ(std::ranges::count(left, 77U, &Link::group), 0);
  EXPECT_EQ(std::ranges::count(left, 78U, &Link::group), 2);
  EXPECT_FALSE(inside("veth_0")) << "the peer goes with it";
  EXPECT_TRUE(inside("veth_4"));
}

TEST_F(Links, DeletedByName) {
  ASSERT_OK(make("veth_out"));
  Batch batch;
  delete_link(batch, ifname("veth_out"));
  ASSERT_OK(host_->run(batch));
  EXPECT_FALSE(host("veth_out"));
  EXPECT_FALSE(inside("veth_in"));
  const auto again = host_->run(batch);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::not_found);
}

TEST_F(Links, CountersAreToldWhenAsked) {
  const auto fd = bound(SOCK_DGRAM, ip("127.0.0.1"), 0);
  const SocketAddress there(ip("127.0.0.1"), 9);
  ASSERT_EQ(::sendto(fd.get(), "x", 1, 0, there.get(), there.size), 1);
  EXPECT_GT(dump_links(*host_, true)->at(0).rx_packets, 0U);
}

}  // namespace
}  // namespace warren::netlink
