// SPDX-License-Identifier: GPL-2.0-or-later
// Forgetting tracked connections: those that match go, and no other. The flows are real ones, over lo, of
// which some are translated to the address of a "space".
#include "netlink/conntrack.h"

#include <unistd.h>

#include "kernel_fixture.h"
#include "nft/runner.h"
#include "patience.h"

namespace warren::netlink {
namespace {

struct Net {
  Ip host, other_host, space, other_space;
};

class Conntrack : public NetnsTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped()) return;
    const bool v4 = GetParam();
    net_ = v4 ? Net{ip("10.0.0.1"), ip("10.0.0.9"), ip("10.0.0.2"), ip("10.0.0.3")}
              : Net{ip("fd00::1"), ip("fd00::9"), ip("fd00::2"), ip("fd00::3")};
    socket_.emplace(open(NETLINK_NETFILTER));
    auto route = open();
    Batch batch;
    for (const auto& one : {net_.host, net_.other_host, net_.space, net_.other_space})
      add_address(batch, {1, one, one.bits()});
    ASSERT_OK(route.run(batch));
    // The kernel makes the local routes of IPv6 addresses a little later.
    const auto settled = "test $(ip -6 route show table local | grep -c fd00) -ge 4";
    ASSERT_TRUE(v4 || test::wait_until([&] { return std::system(settled) == 0; }));
    // On both host addresses 6000 goes to the space, 6001 to the other; 7000 and the rest are the host's own.
    ASSERT_OK(nft::Runner::open()->run(fmt::format(
        "table inet t {{ chain c {{ type nat hook output priority -100;\n"
        "  meta l4proto {{ tcp, udp }} {0} daddr {{ {1}, {2} }} th dport {{ 6000, 6100 }} dnat {0} to {3}\n"
        "  meta l4proto {{ tcp, udp }} {0} daddr {{ {1}, {2} }} th dport 6001 dnat {0} to {4}\n}}\n}}\n",
        v4 ? "ip" : "ip6", net_.host.str(), net_.other_host.str(), net_.space.str(),
        net_.other_space.str())));
  }

  /// One datagram from `from` (any port) to `to`, which the kernel tracks.
  void send(const Ip& from, const Ip& to, Port port) {
    const auto fd = bound(SOCK_DGRAM, from, 0);
    const SocketAddress address(to, port);
    ASSERT_EQ(::sendto(fd.get(), "x", 1, 0, address.get(), address.size), 1) << std::strerror(errno);
  }
  std::size_t forget(const FlowMatch& match) {
    const auto count = delete_flows(*socket_, {match});
    EXPECT_TRUE(is_ok(count));
    return count.value_or(999);
  }
  FlowMatch forward(Port port, const Ip& to, std::optional<Ip> host = {}, Proto proto = Proto::udp) {
    return {FlowMatch::Kind::forward, to, proto, {port, port}, host};
  }
  FlowMatch local(Port first, Port last, std::optional<Ip> host = {}) {
    return {FlowMatch::Kind::local, net_.space, Proto::udp, {first, last}, host};
  }
  FlowMatch whole(const Ip& space) { return {FlowMatch::Kind::space, space, Proto::tcp, {}, {}}; }

  Net net_;
  std::optional<Socket> socket_;
};

TEST_P(Conntrack, AForwardTakesItsOwnFlowsOnly) {
  send(net_.host, net_.host, 6000);
  send(net_.host, net_.host, 6000);        // another source port: a second flow
  send(net_.host, net_.other_host, 6000);  // the same forward by another host address
  send(net_.host, net_.host, 6001);        // another forward
  send(net_.host, net_.host, 7000);        // the host's own
  send(net_.host, net_.space, 6000);       // to the space itself, untranslated
  EXPECT_EQ(forget(forward(6000, net_.space, {}, Proto::tcp)), 0U) << "another protocol";
  EXPECT_EQ(forget(forward(6001, net_.space)), 0U) << "another space's";
  EXPECT_EQ(forget(forward(6000, net_.space, net_.other_host)), 1U);
  EXPECT_EQ(forget(forward(6000, net_.space)), 2U);
  EXPECT_EQ(forget(forward(6000, net_.space)), 0U) << "they are gone";
  EXPECT_EQ(forget(local(7000, 7000)), 1U) << "it was left alone";
  EXPECT_EQ(forget(forward(6001, net_.other_space)), 1U) << "it was left alone";
  EXPECT_EQ(forget(whole(net_.space)), 1U) << "it was left alone";
}

TEST_P(Conntrack, LocalFlowsThatAForwardWouldCover) {
  for (const auto port : std::vector<Port>{7000, 7001, 7002, 7010}) send(net_.host, net_.host, port);
  send(net_.host, net_.other_host, 7001);
  send(net_.host, net_.host, 6001);
  EXPECT_EQ(forget(local(7001, 7001, net_.other_host)), 1U);
  EXPECT_EQ(forget(local(7001, 7002)), 2U);
  EXPECT_EQ(forget(local(6000, 6001)), 0U) << "a translated one is no local one";
  EXPECT_EQ(forget(local(1, 65535)), 2U);
}

TEST_P(Conntrack, ASpaceTakesAllThatIsFromItOrAnsweredByIt) {
  send(net_.host, net_.host, 6000);
  send(net_.space, net_.host, 7000);
  send(net_.host, net_.space, 7000);
  send(net_.other_space, net_.host, 7000);
  send(net_.other_space, net_.other_space, 7000);
  EXPECT_EQ(count_flows(*socket_, net_.space), 3U);
  EXPECT_EQ(forget(whole(net_.space)), 3U);
  EXPECT_EQ(count_flows(*socket_, net_.space), 0U);
  EXPECT_EQ(forget(whole(net_.other_space)), 2U);
}

TEST_P(Conntrack, ManyMatchesAtOnce) {
  std::vector<FlowMatch> matches;
  for (const auto port : std::vector<Port>{6000, 6001, 6100, 7000, 7001}) send(net_.host, net_.host, port);
  matches.push_back(forward(6000, net_.space));
  matches.push_back(forward(6001, net_.other_space));
  matches.push_back(local(7001, 7001));
  EXPECT_EQ(delete_flows(*socket_, matches), 3U);
  EXPECT_EQ(forget(forward(6100, net_.space)), 1U) << "it was left alone";
  EXPECT_EQ(forget(local(7000, 7000)), 1U) << "it was left alone";
  EXPECT_EQ(delete_flows(*socket_, {}), 0U);
}

TEST_P(Conntrack, TcpToo) {
  const auto listener = bound(SOCK_STREAM, net_.space, 6000);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const auto client = bound(SOCK_STREAM, net_.host, 0);
  const SocketAddress address(net_.host, 6000);
  ASSERT_EQ(::connect(client.get(), address.get(), address.size), 0) << std::strerror(errno);
  EXPECT_EQ(forget(forward(6000, net_.space)), 0U) << "udp";
  EXPECT_EQ(forget(forward(6000, net_.space, {}, Proto::tcp)), 1U);
}

INSTANTIATE_TEST_SUITE_P(Family, Conntrack, testing::Bool(),
                         [](const auto& family) { return std::string(family.param ? "v4" : "v6"); });

}  // namespace
}  // namespace warren::netlink
