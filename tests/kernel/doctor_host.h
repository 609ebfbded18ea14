// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// A host with one space, of which a test can ask what works by sending packets. For the throw-away host only
// (tests/lib/host.sh).

#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "sys/netns.h"
#include "types/ip.h"
#include "types/port.h"

namespace warren::doctor {

inline bool run(const std::string& command) {
  return std::system(fmt::format("exec 2>/run/.doctor_said; {}", command).c_str()) == 0;
}
inline void must(const std::string& command) {
  std::string said;
  if (!run(command)) std::getline(std::ifstream("/run/.doctor_said"), said, '\0');
  ASSERT_EQ(said, "") << command;
}
inline void write_sysctl(const std::string& path, int value) {
  std::ofstream("/proc/sys/net/" + path) << value;
}

/// Ends of connections, each a namespace; "" is the host.
inline UniqueFd socket_in(const std::string& space, int family, int type = SOCK_STREAM, int protocol = 0) {
  const auto open = [&] { return UniqueFd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)); };
  if (space.empty()) return open();
  const auto ns = sys::open_netns("/run/netns/" + space);
  EXPECT_TRUE(ns) << space;
  const auto guard = sys::NetnsGuard::enter(ns->get());
  return open();
}

struct Address {
  sockaddr_in6 storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
inline Address address(const Ip& ip, Port port) {
  Address made;
  if (ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET, v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.data(), 4);
    std::memcpy(&made.storage, &v4, sizeof v4);
    made.size = sizeof v4;
  } else {
    made.storage.sin6_family = AF_INET6, made.storage.sin6_port = htons(port);
    std::memcpy(&made.storage.sin6_addr, ip.data(), 16);
    made.size = sizeof made.storage;
  }
  return made;
}

/// A TCP connection from one place to an address, while `server` listens on the port.
inline bool connects(const std::string& client, const Ip& to, Port port, const std::string& server,
                     Port listen_port) {
  const int family = to.is_v4() ? AF_INET : AF_INET6;
  const auto listener = socket_in(server, family);
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto any = address(*Ip::parse(to.is_v4() ? "0.0.0.0" : "::"), listen_port);
  EXPECT_EQ(::bind(listener.get(), any.get(), any.size), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  const auto socket = socket_in(client, family);
  const auto there = address(to, port);
  if (::connect(socket.get(), there.get(), there.size) != 0 && errno != EINPROGRESS) return false;
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, 400) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0;
}

/// An echo from the space to an address, and its answer.
inline bool echoes(const std::string& space, const Ip& to) {
  const bool v4 = to.is_v4();
  const auto socket = v4 ? socket_in(space, AF_INET, SOCK_DGRAM, IPPROTO_ICMP)
                         : socket_in(space, AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
  EXPECT_TRUE(socket.valid()) << std::strerror(errno);
  const std::array<unsigned char, 8> request{static_cast<unsigned char>(v4 ? 8 : 128)};
  const auto there = address(to, 0);
  if (::sendto(socket.get(), request.data(), request.size(), 0, there.get(), there.size) < 0) return false;
  pollfd ready{socket.get(), POLLIN, 0};
  std::array<unsigned char, 64> answer{};
  return ::poll(&ready, 1, 300) == 1 && ::recv(socket.get(), answer.data(), answer.size(), 0) > 0;
}

/// A router advertisement (RFC 4861, 4.2) from the world to the host's uplink.
inline void advertise_router() {
  const auto socket = socket_in("outside", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  const int hops = 255;
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops);
  auto everyone = address(*Ip::parse("ff02::1"), 0);
  const auto outside = sys::open_netns("/run/netns/outside");
  ASSERT_TRUE(outside);
  const auto guard = sys::NetnsGuard::enter(outside->get());
  everyone.storage.sin6_scope_id = ::if_nametoindex("eth0");
  const std::array<unsigned char, 16> message{134, 0, 0, 0, 64, 0, 0x07, 0x08};  // for 1800 seconds
  EXPECT_EQ(::sendto(socket.get(), message.data(), message.size(), 0, everyone.get(), everyone.size),
            static_cast<ssize_t>(message.size()))
      << std::strerror(errno);
}

inline const Ip kWorld4 = *Ip::parse("198.51.100.1"), kWorld6 = *Ip::parse("2001:db8:51::1");

/// What works between the space `s1`, the host and the world, by trying it.
struct Works {
  bool out4, out6, in4, in6, echo4, echo6, dns;
  static Works now() {
    return {connects("s1", kWorld4, 443, "outside", 443),
            connects("s1", kWorld6, 443, "outside", 443),
            connects("outside", *Ip::parse("203.0.113.10"), 6000, "s1", 8080),
            connects("outside", *Ip::parse("2001:db8::10"), 6000, "s1", 8080),
            echoes("s1", *Ip::parse("100.64.0.1")),
            echoes("s1", *Ip::parse("fd00:0:0:1::1")),
            connects("s1", *Ip::parse("100.64.0.1"), 53, "", 53)};
  }
  bool operator==(const Works&) const = default;
  friend void PrintTo(const Works& w, std::ostream* os) {
    *os << fmt::format("out {} {} in {} {} echo {} {} dns {}", w.out4, w.out6, w.in4, w.in6, w.echo4, w.echo6,
                       w.dns);
  }
};
inline constexpr Works kAll{true, true, true, true, true, true, true};

/// The links of one space as warren makes them, and a forward, in the words of the shell.
inline constexpr const char* kSpace = R"(
ip netns add s1
ip link add veth_s1_o type veth peer name veth_s1 netns s1
ip link set veth_s1_o group 30561 up
ip netns exec s1 sh -c 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range'
ip -n s1 link set lo up; ip -n s1 link set veth_s1 up
ip addr add 100.64.0.1/32 dev lo; ip addr add fd00:0:0:1::1/128 dev lo nodad
ip -n s1 addr add 100.64.0.2/32 dev veth_s1; ip -n s1 addr add fd00:0:0:2::2/128 dev veth_s1 nodad
ip -n s1 route add 100.64.0.1 dev veth_s1; ip -n s1 route add default via 100.64.0.1
ip addr add fe80::1/64 dev veth_s1_o nodad; ip -n s1 addr add fe80::2/64 dev veth_s1 nodad
ip -n s1 route add default via fe80::1 dev veth_s1
ip route add 100.64.0.2 dev veth_s1_o; ip route add fd00:0:0:2::2 via fe80::2 dev veth_s1_o
ip -n outside route add 100.64.0.0/16 via 203.0.113.10; ip -n outside route add fd00::/48 via 2001:db8::10
echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
nft 'table inet warren {
  chain p { type nat hook prerouting priority dstnat;
    meta nfproto ipv4 tcp dport 6000 iifname uplink dnat ip to 100.64.0.2:8080
    meta nfproto ipv6 tcp dport 6000 iifname uplink dnat ip6 to [fd00:0:0:2::2]:8080; }
}')";

inline constexpr const char* kForget =
    R"(nft list tables | grep -v 'inet warren$' | while read -r table; do nft delete $table; done
ip netns exec s1 true)";

inline bool in_test_host() { return std::getenv("WARREN_TEST_HOST") != nullptr; }

/// Makes the space, once: all suites ask the same host.
inline void make_space_once() {
  static const bool made = [] {
    must(fmt::format("set -e; {}", kSpace));
    return true;
  }();
  ASSERT_TRUE(made);
}

}  // namespace warren::doctor
