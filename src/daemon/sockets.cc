// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/sockets.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <thread>

#include "proxy/address.h"

namespace warren::daemon {
namespace {

using proxy::Address;

constexpr int kBacklog = 4096;

Ip loopback(Family family) {
  return family == Family::v4 ? Ip::v4(INADDR_LOOPBACK)
                              : Ip::from_bytes(in6addr_loopback.s6_addr, Family::v6);
}

void set(int fd, int level, int option) {
  const int one = 1;
  ::setsockopt(fd, level, option, &one, sizeof one);
}

/// In the namespace of the calling thread.
Result<UniqueFd> listen_at(const Endpoint& endpoint) {
  const bool tcp = endpoint.proto == Proto::tcp;
  UniqueFd fd(::socket(endpoint.family == Family::v4 ? AF_INET : AF_INET6,
                       (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(errno, "make a socket");
  if (tcp) {
    set(fd.get(), SOL_SOCKET, SO_REUSEADDR);
    set(fd.get(), IPPROTO_TCP, TCP_NODELAY);  // what is accepted inherits it
  }
  if (endpoint.family == Family::v6) set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  const auto address = Address::of(loopback(endpoint.family), endpoint.port);
  if (::bind(fd.get(), address.get(), address.size()) != 0) return fail_errno(errno, "bind " + address.str());
  if (tcp && ::listen(fd.get(), kBacklog) != 0) return fail_errno(errno, "listen at " + address.str());
  return fd;
}

Result<sys::NetnsId> enter(const Place& place, const SpaceName& space) {
  const auto netns = TRY(sys::open_netns(place.pin(space.str())));
  TRY(sys::enter_netns(netns.get()));
  return sys::netns_id(netns.get());
}

void open_all(const Place& place, const std::vector<Endpoint>& endpoints, Openings& openings) {
  SpaceName inside;
  Result<sys::NetnsId> netns = fail(Code::failed, "");
  for (const auto& endpoint : endpoints) {
    if (endpoint.space != inside || !netns) netns = enter(place, endpoint.space);
    inside = endpoint.space;
    auto fd = netns ? listen_at(endpoint) : std::unexpected(netns.error());
    if (fd)
      openings.opened.push_back({endpoint, *netns, std::move(*fd)});
    else
      openings.failed.push_back({endpoint, std::move(fd).error()});
  }
}

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

std::string Endpoint::str() const {
  return fmt::format("{} {} {}:{}", space.str(), name(proto), loopback(family).bracketed(), port);
}

Openings open_endpoints(const Place& place, const std::vector<Endpoint>& endpoints) {
  Openings openings;
  if (!endpoints.empty()) std::jthread([&] { open_all(place, endpoints, openings); });
  return openings;
}

Result<Opened> inspect(UniqueFd fd, const SpaceName& space) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd.get(), static_cast<sockaddr*>(static_cast<void*>(&storage)), &size) != 0)
    return fail_errno(errno, "look at a socket");
  const auto address = Address::from(storage);
  const bool tcp = option(fd.get(), SO_TYPE) == SOCK_STREAM;
  if (!address.ip().is_loopback() || (tcp && option(fd.get(), SO_ACCEPTCONN) != 1))
    return fail(Code::failed, address.str() + " is no listener of ours");
  const UniqueFd netns(::ioctl(fd.get(), SIOCGSKNS));
  if (!netns.valid()) return fail_errno(errno, "ask for the namespace of a socket");
  const auto id = TRY(sys::netns_id(netns.get()));
  return Opened{
      {space, tcp ? Proto::tcp : Proto::udp, address.port(), address.ip().family()}, id, std::move(fd)};
}

}  // namespace warren::daemon
