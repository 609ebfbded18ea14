// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>
#include <vector>

#include "proxy/address.h"
#include "proxy/deadlines.h"
#include "proxy/pipes.h"
#include "proxy/poller.h"
#include "proxy/slab.h"

namespace warren::proxy {
namespace {

TEST(ProxyAddress, SaysWhatItIs) {
  const auto v4 = Address::of(Ip::v4(0x7f000001), 3306);
  EXPECT_EQ(v4.str(), "127.0.0.1:3306");
  EXPECT_EQ(v4.family(), AF_INET);
  EXPECT_EQ(v4.size(), sizeof(sockaddr_in));
  const auto v6 = Address::of(*Ip::parse("::1"), 53);
  EXPECT_EQ(v6.str(), "[::1]:53");
  EXPECT_EQ(v6.port(), 53);
  EXPECT_EQ(v6.ip().str(), "::1");
  EXPECT_EQ(Address().str(), "nowhere");
}

TEST(ProxyAddress, WhatTheKernelWroteComesBackEqual) {
  const auto address = Address::of(*Ip::parse("2001:db8::1"), 443);
  sockaddr_storage storage{};
  std::memcpy(&storage, address.get(), address.size());
  EXPECT_EQ(Address::from(storage), address);
  EXPECT_EQ(Address::from(sockaddr_storage{}).size(), 0U);
}

TEST(ProxyAddress, UnixPathOfAnyLengthThatFits) {
  const auto path = Address::of_path("/run/x.sock");
  ASSERT_TRUE(path);
  EXPECT_TRUE(path->is_unix());
  EXPECT_EQ(path->str(), "unix:/run/x.sock");
  EXPECT_TRUE(Address::of_path(std::string(107, 'x')));
  EXPECT_FALSE(Address::of_path(std::string(108, 'x')));
  EXPECT_FALSE(Address::of_path(""));
}

TEST(ProxyTag, ComesBackFromEpollWhole) {
  const Tag tag{Source::flow, Slab<int>::kGenerationMask, kNone};
  const auto back = Tag::unpack(tag.pack());
  EXPECT_EQ(back.source, tag.source);
  EXPECT_EQ(back.generation, tag.generation);
  EXPECT_EQ(back.index, tag.index);
}

TEST(ProxySlab, StaleGenerationIsSeen) {
  Slab<int> slab;
  const auto first = slab.take();
  const auto generation = slab.generation(first);
  slab[first] = 7;
  EXPECT_TRUE(slab.holds(first, generation));
  slab.give(first);
  EXPECT_FALSE(slab.holds(first, generation));
  const auto again = slab.take();
  EXPECT_EQ(again, first);
  EXPECT_EQ(slab[again], 0);
  EXPECT_FALSE(slab.holds(first, generation));
  EXPECT_FALSE(slab.holds(99, 0));
}

struct Waiting {
  Timer timer;
};

class ProxyDeadlines : public testing::Test {
 protected:
  std::uint32_t add(DeadlineQueue& queue, Instant now) {
    const auto index = slab_.take();
    queue.arm(slab_, index, now);
    return index;
  }
  std::vector<std::uint32_t> expired(DeadlineQueue& queue, Instant now) {
    std::vector<std::uint32_t> result;
    for (std::uint32_t index; (index = queue.due(slab_, now)) != kNone;) {
      queue.disarm(slab_, index);
      result.push_back(index);
    }
    return result;
  }
  Slab<Waiting> slab_;
};

TEST_F(ProxyDeadlines, InTheirOrderAndNotBefore) {
  DeadlineQueue queue(100);
  const auto a = add(queue, 0), b = add(queue, 10), c = add(queue, 20);
  EXPECT_EQ(queue.earliest(slab_, 1000), 100);
  EXPECT_TRUE(expired(queue, 99).empty());
  EXPECT_EQ(expired(queue, 110), (std::vector{a, b}));
  EXPECT_EQ(expired(queue, 1000), (std::vector{c}));
  EXPECT_EQ(queue.earliest(slab_, 1000), 1000);
}

TEST_F(ProxyDeadlines, WhoMovesGoesToTheEnd) {
  DeadlineQueue queue(100);
  const auto a = add(queue, 0), b = add(queue, 0), c = add(queue, 0);
  queue.arm(slab_, a, 50);
  queue.arm(slab_, c, 60);
  EXPECT_EQ(expired(queue, 1000), (std::vector{b, a, c}));
}

TEST_F(ProxyDeadlines, InOneQueueAtATime) {
  DeadlineQueue first(100), second(200);
  const auto a = add(first, 0), b = add(first, 0);
  second.arm(slab_, a, 0);
  EXPECT_EQ(expired(first, 1000), (std::vector{b}));
  disarm(slab_, a);
  disarm(slab_, a);
  EXPECT_TRUE(expired(second, 1000).empty());
}

TEST(ProxyPipes, AreUsedAgain) {
  PipePool pool(1 << 20);
  auto pipe = pool.take();
  ASSERT_TRUE(pipe.valid());
  const int in = pipe.in.get();
  pool.give(std::move(pipe));
  EXPECT_EQ(pool.take().in.get(), in);
}

}  // namespace
}  // namespace warren::proxy
