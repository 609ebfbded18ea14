// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "patience.h"
#include "proxy/core.h"
#include "proxy/loop.h"

namespace warren::proxy {
namespace {

using namespace std::chrono_literals;

const Ip kLoopback = Ip::v4(INADDR_LOOPBACK);

Address own_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&storage)), &size);
  return Address::from(storage);
}

UniqueFd bound(int type, const Ip& ip, int flags = SOCK_NONBLOCK) {
  const auto address = Address::of(ip, 0);
  UniqueFd fd(::socket(address.family(), type | SOCK_CLOEXEC | flags, 0));
  EXPECT_EQ(::bind(fd.get(), address.get(), address.size()), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 1024), 0);
  }
  return fd;
}

/// A port that is taken, so that nobody else gets it, and refuses who comes.
UniqueFd refusing() {
  const auto address = Address::of(kLoopback, 0);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(fd.get(), address.get(), address.size()), 0);
  return fd;
}

void be_patient(const UniqueFd& fd) {
  const timeval patience{test::patience().count() / 1000, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

UniqueFd connect_to(const Address& address, int type = SOCK_STREAM) {
  UniqueFd fd(::socket(address.family(), type | SOCK_CLOEXEC, 0));
  be_patient(fd);
  EXPECT_EQ(::connect(fd.get(), address.get(), address.size()), 0) << address.str();
  return fd;
}

UniqueFd accept_from(const UniqueFd& listener) {
  pollfd wait{listener.get(), POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(test::patience().count())) != 1) return {};
  UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  be_patient(fd);
  return fd;
}

void put(const UniqueFd& fd, std::string_view text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// So many bytes, or less where the end, or an error, comes first.
std::string get(const UniqueFd& fd, std::size_t size) {
  std::string text(size, '\0');
  const auto got = ::recv(fd.get(), text.data(), size, MSG_WAITALL);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

/// 0: an orderly end; ECONNRESET: a reset; EAGAIN: neither within the time.
int how_it_ends(const UniqueFd& fd) {
  char byte = 0;
  const auto got = ::recv(fd.get(), &byte, 1, 0);
  return got == 0 ? 0 : got < 0 ? errno : -1;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// How long the calling thread computed so far, in nanoseconds.
std::int64_t thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// A listening socket that nobody accepts from, with its queue full.
struct Deaf {
  explicit Deaf(const Address& at) : listener(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(::bind(listener.get(), at.get(), at.size()), 0) << at.str();
    EXPECT_EQ(::listen(listener.get(), 0), 0);
    address = at.is_unix() ? at : own_address(listener.get());
    for (int i = 0; i < 2; ++i) {
      fill.emplace_back(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(fill.back().get(), address.get(), address.size());
    }
  }
  UniqueFd listener;
  Address address;
  std::vector<UniqueFd> fill;
};

/// The path of a Unix socket that is gone with it.
struct SocketPath {
  explicit SocketPath(const std::string& name) : path(testing::TempDir() + name) { ::unlink(path.c_str()); }
  ~SocketPath() { ::unlink(path.c_str()); }
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  [[nodiscard]] Address address() const { return Address::of_path(path).value(); }
  std::string path;
};

class ProxyLoop : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override { stop(); }

  void start(const Limits& limits) {
    stop();
    loop_ = std::move(Loop::make(limits).value());
    space_ = loop_->add_space("web1");
    target_ = loop_->add_target({});
    thread_ = std::jthread([loop = loop_.get()] { loop->run(); });
  }
  void stop() {
    if (!loop_) return;
    loop_->stop();
    thread_.join();
    loop_.reset();
  }
  template <class F>
  auto on_loop(F f) {
    std::promise<decltype(f())> result;
    loop_->post([&] { result.set_value(f()); });
    return result.get_future().get();
  }
  /// A listener of the loop whose connections go to the addresses.
  Address serve(std::vector<Address> addresses, Header header = Header::none, int type = SOCK_STREAM,
                const Ip& at = kLoopback) {
    auto fd = bound(type, at);
    const auto address = own_address(fd.get());
    const auto proto = type == SOCK_STREAM ? Proto::tcp : Proto::udp;
    const Ip source = at.is_v4() ? Ip::v4(0x64400002) : *Ip::parse("fd00::2");
    listener_ = on_loop([&] {
      loop_->set_target(target_, addresses);
      return loop_->add_listener(std::move(fd), {space_, target_, proto, header, source}).value();
    });
    return address;
  }
  Counters counters() {
    return on_loop([&] { return loop_->listeners().at(0).counters; });
  }
  std::size_t connections() {
    return on_loop([&] { return loop_->connections(); });
  }
  bool ends_up_with(std::size_t count) {
    return test::wait_until([&] { return connections() == count; });
  }

  /// How long the loop's thread computed so far, in nanoseconds.
  std::int64_t computed() {
    return on_loop([] { return thread_time(); });
  }
  /// Whether the loop's thread mostly waits while another, which does not, computes for 200 ms: on a busy
  /// machine either gets less, and the one as little as the other.
  bool mostly_waits() {
    const auto before = computed(), begin = thread_time();
    while (thread_time() - begin < 200'000'000) continue;
    return (computed() - before) * 20 < thread_time() - begin;
  }

  std::unique_ptr<Loop> loop_;
  SpaceId space_{};
  TargetId target_{};
  ListenerId listener_{};
  std::jthread thread_;
};

/// A client, its target's side, and the listener of the target.
struct Pair {
  UniqueFd listener, client, server;
};

class ProxyStream : public ProxyLoop {
 protected:
  Pair pair(Header header = Header::none, const Ip& at = kLoopback) {
    Pair pair;
    pair.listener = bound(SOCK_STREAM, at, 0);
    pair.client = connect_to(serve({own_address(pair.listener.get())}, header, SOCK_STREAM, at));
    pair.server = accept_from(pair.listener);
    return pair;
  }
};

TEST_F(ProxyStream, CarriesBothWaysAndCounts) {
  const auto ends = pair();
  put(ends.client, "question");
  EXPECT_EQ(get(ends.server, 8), "question");
  put(ends.server, "answer");
  EXPECT_EQ(get(ends.client, 6), "answer");
  const auto count = counters();
  EXPECT_EQ(count.now, 1U);
  EXPECT_EQ(count.total, 1U);
  EXPECT_EQ(count.to_target, 8U);
  EXPECT_EQ(count.from_target, 6U);
}

TEST_F(ProxyStream, ClientsEndIsHeardAndTheAnswerStillComes) {
  const auto ends = pair();
  put(ends.client, "question");
  ::shutdown(ends.client.get(), SHUT_WR);
  EXPECT_EQ(get(ends.server, 100), "question");  // to the end
  put(ends.server, "late answer");
  EXPECT_EQ(get(ends.client, 11), "late answer");
  ::shutdown(ends.server.get(), SHUT_WR);
  EXPECT_EQ(how_it_ends(ends.client), 0);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyStream, TargetsEndIsHeardAndTheClientGoesOn) {
  const auto ends = pair();
  put(ends.server, "greeting");
  ::shutdown(ends.server.get(), SHUT_WR);
  EXPECT_EQ(get(ends.client, 100), "greeting");
  put(ends.client, "goes on");
  EXPECT_EQ(get(ends.server, 7), "goes on");
  ::shutdown(ends.client.get(), SHUT_WR);
  EXPECT_EQ(how_it_ends(ends.server), 0);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyStream, ResetGoesThrough) {
  for (const bool by_client : {true, false}) {
    auto ends = pair();
    put(ends.client, "x");
    ASSERT_EQ(get(ends.server, 1), "x");
    const linger reset{1, 0};
    auto& cut = by_client ? ends.client : ends.server;
    ::setsockopt(cut.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    cut.reset();
    EXPECT_EQ(how_it_ends(by_client ? ends.server : ends.client), ECONNRESET);
    EXPECT_TRUE(ends_up_with(0));
  }
}

TEST_F(ProxyStream, ResetOfAClientWhoseTargetStoppedReading) {
  auto ends = pair();
  ::fcntl(ends.client.get(), F_SETFL, O_NONBLOCK);
  const std::string block(65536, 'x');
  for (int quiet = 0; quiet < 20;) {
    const bool taken = ::send(ends.client.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0;
    quiet = taken ? 0 : quiet + 1;
    if (!taken) std::this_thread::sleep_for(5ms);
  }
  const linger reset{1, 0};
  ::setsockopt(ends.client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ends.client.reset();
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyStream, TargetThatGoesInTheMiddleOfBulkEndsNothingElse) {
  for (int round = 0; round < 5; ++round) {
    auto ends = pair();
    ::fcntl(ends.client.get(), F_SETFL, O_NONBLOCK);
    const std::string block(1 << 20, 'x');
    for (int i = 0; i < 100; ++i) {
      (void)::send(ends.client.get(), block.data(), block.size(), MSG_NOSIGNAL);
      if (i == 50) ends.server.reset();  // with bytes unread
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_TRUE(ends_up_with(0));
  }
}

TEST_F(ProxyStream, HeadersGoFirst) {
  for (const auto* at : {"127.0.0.1", "::1"}) {
    const auto ends = pair(Header::v1, *Ip::parse(at));
    put(ends.client, "data");
    ::shutdown(ends.client.get(), SHUT_WR);
    const auto client = own_address(ends.client.get());
    const auto expected = (client.ip().is_v4() ? std::string("PROXY TCP4 100.64.0.2 127.0.0.1 ")
                                               : std::string("PROXY TCP6 fd00::2 ::1 ")) +
                          std::to_string(client.port()) + " ";
    const auto text = get(ends.server, 1000);
    EXPECT_EQ(text.substr(0, expected.size()), expected);
    EXPECT_TRUE(text.ends_with("\r\ndata")) << text;
  }
}

TEST_F(ProxyStream, NextAddressWhenTheFirstRefuses) {
  const auto refused = refusing();
  const auto listener = bound(SOCK_STREAM, *Ip::parse("::1"), 0);
  const auto client = connect_to(serve({own_address(refused.get()), own_address(listener.get())}));
  const auto server = accept_from(listener);
  put(client, "x");
  EXPECT_EQ(get(server, 1), "x");
}

TEST_F(ProxyStream, NobodyThereIsAReset) {
  const auto refused = refusing();
  const auto client = connect_to(serve({own_address(refused.get())}));
  EXPECT_EQ(how_it_ends(client), ECONNRESET);
  const auto unresolved = connect_to(serve({}));
  EXPECT_EQ(how_it_ends(unresolved), ECONNRESET);
  EXPECT_EQ(counters().failed, 1U);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyStream, MoreThanItsShareIsRefused) {
  Limits limits;
  limits.per_space = 3;
  start(limits);
  const auto listener = bound(SOCK_STREAM, kLoopback, 0);
  const auto address = serve({own_address(listener.get())});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect_to(address));
  ASSERT_TRUE(ends_up_with(3));
  EXPECT_EQ(how_it_ends(connect_to(address)), ECONNRESET);
  EXPECT_EQ(counters().refused, 1U);
  clients.clear();
  for (int i = 0; i < 3; ++i) (void)accept_from(listener);
  EXPECT_TRUE(ends_up_with(0));
  const auto client = connect_to(address);
  put(client, "y");
  EXPECT_EQ(get(accept_from(listener), 1), "y");
}

TEST_F(ProxyStream, IdleAndDrainAreBounded) {
  Limits limits;
  limits.idle = 200ms;
  limits.drain = 200ms;
  start(limits);
  const auto silent = pair();
  EXPECT_EQ(how_it_ends(silent.client), ECONNRESET);
  EXPECT_EQ(how_it_ends(silent.server), ECONNRESET);
  limits.idle = 1h;
  start(limits);
  const auto half = pair();
  ::shutdown(half.client.get(), SHUT_WR);
  EXPECT_EQ(how_it_ends(half.server), 0);
  EXPECT_EQ(how_it_ends(half.client), ECONNRESET);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyStream, GivesUpOnATargetThatDoesNotAnswer) {
  Limits limits;
  limits.connect = 200ms;
  start(limits);
  const Deaf deaf(Address::of(kLoopback, 0));
  const auto client = connect_to(serve({deaf.address}));
  EXPECT_EQ(how_it_ends(client), ECONNRESET);
  EXPECT_EQ(counters().failed, 1U);
}

TEST_F(ProxyStream, RemovalOfTheSpaceEndsItsConnectionsOnly) {
  const auto ends = pair();
  const auto listener = bound(SOCK_STREAM, kLoopback);
  const auto address = own_address(listener.get());
  const auto other = on_loop([&] { return loop_->add_space("web2"); });
  UniqueFd held(::dup(listener.get()));
  on_loop([&] {
    return loop_->add_listener(UniqueFd(::dup(held.get())), {other, target_, Proto::tcp, Header::none, Ip()})
        .has_value();
  });
  const auto stays = connect_to(address);
  const auto server = accept_from(ends.listener);
  on_loop([&] {
    loop_->remove_space(space_);
    return 0;
  });
  EXPECT_EQ(how_it_ends(ends.client), ECONNRESET);
  EXPECT_EQ(how_it_ends(ends.server), ECONNRESET);
  put(stays, "x");
  EXPECT_EQ(get(server, 1), "x");
  EXPECT_EQ(connections(), 1U);
  EXPECT_EQ(on_loop([&] { return loop_->retired().total; }), 1U);
}

TEST_F(ProxyStream, WithoutDescriptorsClientsWaitAndNoneIsLost) {
  const auto listener = bound(SOCK_STREAM, kLoopback, 0);
  const auto address = serve({own_address(listener.get())});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{open_descriptors() + 9, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  for (const auto& client : clients) EXPECT_EQ(::connect(client.get(), address.get(), address.size()), 0);
  EXPECT_TRUE(
      test::wait_until([&] { return connections() > 0 && on_loop([&] { return loop_->pauses(); }) > 0; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(connections(), 20U);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(ends_up_with(20));
  EXPECT_EQ(counters().failed, 0U);
}

TEST_F(ProxyStream, AnAddressThatIsSilentLeavesTimeForTheNext) {
  Limits limits;
  limits.connect = 400ms;
  start(limits);
  const Deaf deaf(Address::of(kLoopback, 0));
  const auto listener = bound(SOCK_STREAM, kLoopback, 0);
  const auto client = connect_to(serve({deaf.address, own_address(listener.get())}));
  const auto server = accept_from(listener);
  put(client, "x");
  EXPECT_EQ(get(server, 1), "x");
  EXPECT_EQ(counters().failed, 0U);
}

TEST_F(ProxyStream, ManySilentAddressesTakeNoLongerThanOne) {
  Limits limits;
  limits.connect = 200ms;
  start(limits);
  const Deaf deaf(Address::of(kLoopback, 0));
  const auto time_until_reset = [&](std::size_t addresses) {
    const auto begin = std::chrono::steady_clock::now();
    const auto client = connect_to(serve(std::vector(addresses, deaf.address)));
    EXPECT_EQ(how_it_ends(client), ECONNRESET);
    return std::chrono::steady_clock::now() - begin;
  };
  const auto one = time_until_reset(1);
  EXPECT_LT(time_until_reset(20), 10 * one);
}

TEST_F(ProxyStream, HoweverManyAddressesRefuseItEnds) {
  const auto refused = refusing();
  const auto client = connect_to(serve(std::vector(600, own_address(refused.get()))));
  EXPECT_EQ(how_it_ends(client), ECONNRESET);
  EXPECT_EQ(counters().failed, 1U);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyLoop, UnixTarget) {
  const SocketPath path("proxy_loop_test.sock");
  const auto target = path.address();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), target.get(), target.size()), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const auto address = serve({target});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 6; ++i) {  // more than the queue takes: the rest is tried again
    clients.push_back(connect_to(address));
    put(clients.back(), "unix" + std::to_string(i));
  }
  for (int i = 0; i < 6; ++i) EXPECT_EQ(get(accept_from(listener), 5), "unix" + std::to_string(i));
  EXPECT_EQ(counters().failed, 0U);
}

TEST_F(ProxyLoop, GivesUpOnAUnixTargetWhoseQueueStaysFull) {
  Limits limits;
  limits.connect = 200ms;
  start(limits);
  const SocketPath path("proxy_loop_full.sock");
  const Deaf deaf(path.address());
  const auto address = serve({deaf.address});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(connect_to(address));
  for (const auto& client : clients) EXPECT_EQ(how_it_ends(client), ECONNRESET);
  EXPECT_EQ(counters().failed, 50U);
  EXPECT_TRUE(ends_up_with(0));
}

TEST_F(ProxyLoop, ThoseWhoWaitForAFullUnixTargetCostNothing) {
  Limits limits;
  limits.connect = 1h;
  start(limits);
  const SocketPath path("proxy_loop_waiting.sock");
  const Deaf deaf(path.address());
  const auto address = serve({deaf.address});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 500; ++i) clients.push_back(connect_to(address));
  ASSERT_TRUE(ends_up_with(500));
  EXPECT_TRUE(mostly_waits());
  for (std::size_t i = 0; i < 450; ++i) close_with_reset(std::move(clients[i]));
  ASSERT_TRUE(ends_up_with(50));
  for (std::size_t i = 450; i < 500; ++i) put(clients[i], "z");
  (void)accept_from(deaf.listener);  // who filled the queue
  for (std::size_t i = 450; i < 500; ++i) EXPECT_EQ(get(accept_from(deaf.listener), 1), "z");
}

TEST_F(ProxyLoop, NothingSpinsWhileItDrains) {
  for (const bool close : {true, false}) {
    start({});
    const auto server = bound(SOCK_STREAM, kLoopback, 0);
    const auto client = connect_to(serve({own_address(server.get())}));
    const auto accepted = accept_from(server);
    const UniqueFd held(::dup(on_loop([&] { return loop_->listeners().at(0).fd; })));
    on_loop([&] { return loop_->stop_accepting(close), 0; });
    ::shutdown(held.get(), SHUT_RDWR);  // by another process that holds it
    EXPECT_TRUE(mostly_waits()) << close;
    put(client, "x");
    EXPECT_EQ(get(accepted, 1), "x") << "what stands goes on";
  }
}

TEST_F(ProxyLoop, WhatPausedStaysSilentWhenAcceptingHasEnded) {
  Core core({}, Poller::open().value());
  const auto listener = bound(SOCK_STREAM, kLoopback);
  const auto index = core.listeners.take();
  core.listeners[index].fd = UniqueFd(::dup(listener.get()));
  ASSERT_TRUE(core.poller.add(core.listeners[index].fd.get(), EPOLLIN, {}));
  core.pause(index);
  core.stop_accepting(false);
  EXPECT_FALSE(core.listeners[index].paused);
  const auto client = connect_to(own_address(listener.get()));
  core.now = core.resume_at;
  core.resume_paused();
  std::array<epoll_event, 4> room;
  EXPECT_EQ(core.poller.wait(room, 0).size(), 0U);
}

TEST_F(ProxyLoop, UdpFlowsAreKeptApartAndForgotten) {
  Limits limits;
  limits.flow = test::patience(1);
  limits.per_space = 2;
  start(limits);
  const auto target = bound(SOCK_DGRAM, kLoopback, 0);
  const auto address = serve({own_address(target.get())}, Header::none, SOCK_DGRAM);
  const auto one = connect_to(address, SOCK_DGRAM), two = connect_to(address, SOCK_DGRAM),
             three = connect_to(address, SOCK_DGRAM);
  for (const auto* client : {&one, &two}) {
    put(*client, "ask");
    std::array<char, 16> buffer{};
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* from = static_cast<sockaddr*>(static_cast<void*>(&peer));
    ASSERT_EQ(::recvfrom(target.get(), buffer.data(), buffer.size(), 0, from, &size), 3);
    const std::string answer = "to " + std::to_string(client->get());
    ::sendto(target.get(), answer.data(), answer.size(), 0, from, size);
    EXPECT_EQ(get(*client, 16), answer);
  }
  put(three, "one too many");
  EXPECT_TRUE(test::wait_until([&] { return counters().refused == 1; }));
  EXPECT_EQ(counters().now, 2U);
  EXPECT_TRUE(test::wait_until([&] { return counters().now == 0; }));
}

}  // namespace
}  // namespace warren::proxy
