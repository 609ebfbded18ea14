// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/mover.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace warren::proxy {
namespace {

/// Two socket pairs with a Mover between them: what goes in at `source` shall come out at `sink`.
class ProxyMover : public testing::Test {
 protected:
  void SetUp() override {
    make(source_, from_);
    make(sink_, to_);
  }
  static void make(UniqueFd& outer, Side& inner) {
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    outer = UniqueFd(fds[0]);
    inner.fd = UniqueFd(fds[1]);
    inner.readable = inner.writable = true;
  }
  /// As the events of epoll would say it.
  Mover::Moved step() {
    from_.readable = to_.writable = true;
    return mover_.move(way_, from_, to_);
  }
  std::size_t write_all(const std::string& text) const {
    const auto put = ::write(source_.get(), text.data(), text.size());
    return put < 0 ? 0 : static_cast<std::size_t>(put);
  }
  [[nodiscard]] std::string read_all() const {
    std::string text;
    std::array<char, 65536> buffer;
    for (ssize_t got = 0; (got = ::read(sink_.get(), buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
  }
  /// Sends `text` through while the sink reads now and then, and returns what came out.
  std::string through(const std::string& text, int read_every) {
    std::string out;
    std::size_t sent = 0;
    for (int round = 0; out.size() < text.size() && round < 1'000'000; ++round) {
      if (sent < text.size()) sent += write_all(text.substr(sent, 50'000));
      (void)step();
      if (round % read_every == 0) out += read_all();
    }
    return out;
  }

  UniqueFd source_, sink_;
  Side from_, to_;
  Way way_;
  Mover mover_{1 << 20};
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

TEST_F(ProxyMover, SmallMessageArrivesAndCostsOneRead) {
  ASSERT_EQ(write_all("hello"), 5U);
  EXPECT_EQ(step().bytes, 5U);
  EXPECT_EQ(read_all(), "hello");
  EXPECT_FALSE(from_.readable);  // a short read was all there was
  EXPECT_FALSE(way_.pipe.valid());
}

TEST_F(ProxyMover, BulkArrivesWhole) {
  const auto text = pattern(20'000'000);
  EXPECT_EQ(through(text, 1), text);
  EXPECT_TRUE(way_.empty());
}

TEST_F(ProxyMover, SlowReaderGetsAllAndTheSenderWaits) {
  const auto text = pattern(3'000'000);
  EXPECT_EQ(through(text, 50), text);
}

TEST_F(ProxyMover, ReaderThatStopsHoldsTheSenderBack) {
  std::size_t sent = 0;
  const auto text = pattern(65536);
  for (int round = 0; round < 2000; ++round) {
    sent += write_all(text);
    (void)step();
  }
  EXPECT_LT(sent, 8U << 20);  // 130 MB would have been sent otherwise
  EXPECT_FALSE(way_.empty());
}

TEST_F(ProxyMover, WithoutDescriptorsItCopies) {
  // UBSan looks at an object that it has not met through a pipe of its own.
  ASSERT_EQ(through("x", 1), "x");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto text = pattern(5'000'000);
  const auto out = through(text, 3);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(out, text);
  EXPECT_FALSE(way_.pipe.valid());
}

TEST_F(ProxyMover, EndComesAfterTheLastByte) {
  const auto text = pattern(100'000);
  std::size_t sent = write_all(text);
  ::shutdown(source_.get(), SHUT_WR);
  std::string out;
  for (int round = 0; round < 100 && !way_.over(); ++round) {
    (void)step();
    out += read_all();
  }
  EXPECT_EQ(way_.ending, Ending::finished);
  EXPECT_EQ(out.size(), sent);
}

TEST_F(ProxyMover, ReceiverThatIsGoneBreaksTheWay) {
  sink_.reset();
  ASSERT_EQ(write_all("x"), 1U);
  (void)step();
  EXPECT_EQ(way_.ending, Ending::broken);
  EXPECT_TRUE(way_.empty());
}

TEST_F(ProxyMover, ReceiverThatGoesWhileBytesWaitFreesThem) {
  const auto text = pattern(65536);
  for (int round = 0; round < 200; ++round) {
    (void)write_all(text);
    (void)step();
  }
  ASSERT_FALSE(way_.empty());
  sink_.reset();
  (void)step();
  EXPECT_EQ(way_.ending, Ending::broken);
  EXPECT_TRUE(way_.empty());
  EXPECT_FALSE(way_.pipe.valid());
}

}  // namespace
}  // namespace warren::proxy
