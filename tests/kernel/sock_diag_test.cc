// SPDX-License-Identifier: GPL-2.0-or-later
// Who listens, as the kernel tells it.
#include "netlink/sock_diag.h"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel_fixture.h"

namespace warren::netlink {
namespace {

class SockDiag : public NetnsTest {
 protected:
  std::vector<Listener> listeners() {
    auto socket = open(NETLINK_SOCK_DIAG);
    return dump_listeners(socket).value();
  }
};

std::uint32_t inode_of(const UniqueFd& fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd.get(), &info), 0);
  return static_cast<std::uint32_t>(info.st_ino);
}

TEST_F(SockDiag, TellsListenersAndNobodyElse) {
  EXPECT_TRUE(listeners().empty());
  const auto tcp4 = bound(SOCK_STREAM, ip("127.0.0.1"), 8080),
             tcp6 = bound(SOCK_STREAM, ip("::"), 8081, false), only6 = bound(SOCK_STREAM, ip("::1"), 8082),
             udp4 = bound(SOCK_DGRAM, ip("0.0.0.0"), 53), idle = bound(SOCK_STREAM, ip("127.0.0.1"), 8083),
             peered = bound(SOCK_DGRAM, ip("127.0.0.1"), 54);
  for (const auto* fd : {&tcp4, &tcp6, &only6}) ASSERT_EQ(::listen(fd->get(), 5), 0);
  const SocketAddress there(ip("127.0.0.1"), 53);
  ASSERT_EQ(::connect(peered.get(), there.get(), there.size), 0);
  const auto client = bound(SOCK_STREAM, ip("127.0.0.1"), 0);
  const SocketAddress server(ip("127.0.0.1"), 8080);
  ASSERT_EQ(::connect(client.get(), server.get(), server.size), 0);

  const auto all = listeners();
  ASSERT_EQ(all.size(), 4U) << "neither the connected ones nor the one that does not listen";
  const auto check = [&](const UniqueFd& fd, Proto proto, std::string_view address, Port port) {
    const auto found = std::ranges::find(all, inode_of(fd), &Listener::inode);
    ASSERT_NE(found, all.end()) << address << " " << port;
    EXPECT_EQ(found->proto, proto);
    EXPECT_EQ(found->address, ip(address));
    EXPECT_EQ(found->port, port);
    EXPECT_EQ(found->uid, 0U);
  };
  check(tcp4, Proto::tcp, "127.0.0.1", 8080);
  check(tcp6, Proto::tcp, "::", 8081);
  check(only6, Proto::tcp, "::1", 8082);
  check(udp4, Proto::udp, "0.0.0.0", 53);
  EXPECT_FALSE(std::ranges::find(all, Port{8081}, &Listener::port)->v6_only);
  EXPECT_TRUE(std::ranges::find(all, Port{8082}, &Listener::port)->v6_only);
}

TEST_F(SockDiag, ManyListenersAreToldWhole) {
  std::vector<UniqueFd> fds;
  for (unsigned port = 1; port <= 900; ++port) {
    fds.push_back(bound(SOCK_STREAM, ip("127.0.0.1"), static_cast<Port>(port)));
    ASSERT_EQ(::listen(fds.back().get(), 1), 0);
  }
  EXPECT_EQ(listeners().size(), 900U);
}

TEST(Listener, TakesWhatItsAddressSays) {
  Listener listener;
  const auto takes = [&](std::string_view bound_to, bool v6_only, std::string_view to) {
    listener.address = ip(bound_to);
    listener.v6_only = v6_only;
    return listener.takes(ip(to));
  };
  EXPECT_TRUE(takes("0.0.0.0", true, "100.64.0.2") && takes("100.64.0.2", true, "100.64.0.2"));
  EXPECT_FALSE(takes("127.0.0.1", true, "100.64.0.2") || takes("0.0.0.0", true, "fd00::2"));
  EXPECT_TRUE(takes("::", true, "fd00::2") && takes("::", false, "fd00::2") &&
              takes("::", false, "100.64.0.2"));
  EXPECT_FALSE(takes("::", true, "100.64.0.2") || takes("::1", false, "100.64.0.2") ||
               takes("fd00::3", true, "fd00::2"));
}

}  // namespace
}  // namespace warren::netlink
