// SPDX-License-Identifier: GPL-2.0-or-later
// The netlink socket: batches, dumps, notifications.
#include <algorithm>
#include <linux/rtnetlink.h>

#include "kernel_fixture.h"

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
