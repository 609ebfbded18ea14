// SPDX-License-Identifier: GPL-2.0-or-later
// The netlink socket: batches, dumps, notifications.
#include <algorithm>
#include <array>
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <optional>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "kernel_fixture.h"
#include "netlink/nft_dump.h"
#include "netlink/nft_elements.h"

namespace warren::netlink {
namespace {

class NetlinkSocket : public NetnsTest {};

Address on_lo(std::string_view text, unsigned prefix = 32) { return {1, ip(text), prefix}; }

TEST_F(NetlinkSocket, OneFailureInTheMiddleIsToldExactly) {
  auto socket = open();
  Batch batch;
  add_address(batch, on_lo("10.0.0.1"));
  add_address(batch, on_lo("10.0.0.2", 33));
  add_address(batch, on_lo("10.0.0.3"));
  const auto failures = socket.run_all(batch);
  ASSERT_OK(failures);
  ASSERT_EQ(failures->size(), 1U);
  EXPECT_EQ(failures->at(0).request, 1U);
  const auto& what = failures->at(0).error.what;
  EXPECT_TRUE(what.starts_with("add the address: Invalid argument (kernel: ")) << what;
  const auto there = dump_addresses(socket).value();
  EXPECT_TRUE(std::ranges::count(there, on_lo("10.0.0.1")) && std::ranges::count(there, on_lo("10.0.0.3")))
      << "the others were done";
}

TEST_F(NetlinkSocket, RunGivesTheFirstFailure) {
  auto socket = open();
  Batch batch;
  delete_link(batch, ifname("nothere"));
  add_address(batch, on_lo("10.0.0.2", 33));
  const auto status = socket.run(batch);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_found) << status.error().what;
  EXPECT_EQ(status.error().sys, ENODEV);
}

TEST_F(NetlinkSocket, ABatchThatIsTooLongForOneSendGoesInParts) {
  constexpr std::uint32_t kCount = 3000;
  auto socket = open();
  Batch batch;
  for (std::uint32_t i = 0; i < kCount; ++i)
    add_address(batch, {1, Ip::v4(0x0a000000U + i), i == 1500 || i == 2999 ? 77U : 32U});
  const auto failures = socket.run_all(batch);
  ASSERT_OK(failures);
  ASSERT_EQ(failures->size(), 2U);
  EXPECT_EQ(failures->at(0).request, 1500U);
  EXPECT_EQ(failures->at(1).request, 2999U);
  EXPECT_GE(dump_addresses(socket)->size(), kCount - 2) << "and a dump of many messages is whole";
}

TEST_F(NetlinkSocket, AThousandRefusalsAreAllTold) {
  constexpr std::size_t kCount = 1000;
  auto socket = open();
  Batch batch;
  for (std::size_t i = 0; i < kCount; ++i) delete_link(batch, ifname(fmt::format("nothere{}", i)));
  const auto failures = socket.run_all(batch);
  ASSERT_OK(failures);
  ASSERT_EQ(failures->size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(failures->at(i).request, i);
    EXPECT_EQ(failures->at(i).error.sys, ENODEV);
  }
}

TEST_F(NetlinkSocket, TwoThousandLinksAskedForAtOnceAllCome) {
  constexpr std::size_t kCount = 2000;
  auto socket = open();
  Batch batch;
  for (std::size_t i = 0; i < kCount; ++i) query_link(batch, ifname("lo"));
  std::size_t links = 0;
  const auto failures = socket.run_all(batch, [&](const MessageView& message) {
    const auto link = parse_link(message);
    links += link && link->name == "lo" ? 1U : 0U;
  });
  ASSERT_OK(failures);
  EXPECT_EQ(failures->size(), 0U);
  EXPECT_EQ(links, kCount);
}

TEST_F(NetlinkSocket, WithoutPrivilegeTheAnswersFitToo) {
  std::optional<Socket> socket;
  std::jthread([&] {
    // Of this thread alone: the socket gets no larger buffer than anybody may ask for.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    EXPECT_EQ(::syscall(SYS_capset, &header, none.data()), 0);
    socket = open();
  }).join();
  Batch links, refused;
  for (int i = 0; i < 1000; ++i) query_link(links, ifname("lo"));
  for (int i = 0; i < 1000; ++i) delete_link(refused, ifname("nothere"));
  std::size_t seen = 0;
  ASSERT_OK(socket->run(links, [&](const MessageView&) { ++seen; }));
  EXPECT_EQ(seen, 1000U);
  EXPECT_EQ(socket->run_all(refused)->size(), 1000U);
}

/// Makes the queue of answers so short that the kernel drops all but a dozen refusals, or two links.
void shorten_queue(const Socket& socket) {
  const int room = 8 * 1024;
  ASSERT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
}

TEST_F(NetlinkSocket, LostAnswersAreToldAndTheSocketGoesOn) {
  auto socket = open();
  shorten_queue(socket);
  Batch many, one;
  for (int i = 0; i < 100; ++i) delete_link(many, ifname("nothere"));
  delete_link(one, ifname("nothere"));
  for (int round = 0; round < 3; ++round) {
    const auto failures = socket.run_all(many);
    ASSERT_FALSE(failures) << "more answers than the queue holds";
    EXPECT_EQ(failures.error().sys, ENOBUFS) << failures.error().what;
    EXPECT_EQ(socket.run(one).error().sys, ENODEV);
    EXPECT_EQ(get_link(socket, ifname("lo")).value()->name, "lo");
    EXPECT_EQ(dump_links(socket).value().size(), 1U);
  }
}

TEST_F(NetlinkSocket, ATransactionTellsTheFirstRefusalHoweverManyThereAre) {
  auto socket = open(NETLINK_NETFILTER);
  shorten_queue(socket);
  const std::vector<ElementBytes> one(1);
  for (int round = 0; round < 3; ++round) {
    ElementTransaction transaction("nosuchtable");
    for (int i = 0; i < 200; ++i) transaction.add("nosuchset", one);
    const auto status = transaction.commit(socket);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().sys, ENOENT) << status.error().what;
    EXPECT_EQ(has_table(socket, "nosuchtable"), false) << "and the socket goes on";
  }
}

TEST_F(NetlinkSocket, AnEmptyBatchAsksNothing) {
  auto socket = open();
  Batch batch;
  EXPECT_TRUE(batch.empty());
  ASSERT_OK(socket.run(batch));
}

TEST_F(NetlinkSocket, StaysInTheNamespaceWhereItWasOpened) {
  auto here = open();
  ASSERT_OK(sys::unshare_netns());
  auto there = open();
  Batch batch;
  LinkChange change;
  change.mtu = 1234;
  change_link(batch, ifname("lo"), change);
  ASSERT_OK(here.run(batch));
  EXPECT_EQ(get_link(here, 1).value()->mtu, 1234U);
  EXPECT_EQ(get_link(there, 1).value()->mtu, 65536U);
}

TEST_F(NetlinkSocket, NotificationsArrive) {
  auto listener = open(), socket = open();
  ASSERT_OK(listener.join(RTNLGRP_LINK));
  ASSERT_OK(listener.receive([](const MessageView&) { ADD_FAILURE() << "nothing has happened yet"; }));
  Batch batch;
  LinkChange change;
  change.mtu = 4321;
  change_link(batch, ifname("lo"), change);
  ASSERT_OK(socket.run(batch));
  bool seen = false;
  const auto whole = listener.receive([&](const MessageView& message) {
    const auto link = parse_link(message);
    seen = seen || (link && link->name == "lo" && link->mtu == 4321);
  });
  EXPECT_EQ(whole, true);
  EXPECT_TRUE(seen);
}

TEST_F(NetlinkSocket, LostNotificationsAreTold) {
  auto listener = open(), socket = open();
  ASSERT_OK(listener.join(RTNLGRP_IPV4_IFADDR));
  Batch batch;
  for (std::uint32_t i = 0; i < 5000; ++i) add_address(batch, {1, Ip::v4(0x0a000000U + i), 32});
  ASSERT_OK(socket.run(batch));
  EXPECT_EQ(listener.receive([](const MessageView&) {}), false);
}

}  // namespace
}  // namespace warren::netlink
