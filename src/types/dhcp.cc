// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/dhcp.h"

namespace warren::dhcp {
namespace {

constexpr unsigned kWidest = 8;  // a wider network would draw off what goes to the world

constexpr std::uint32_t kLinkLocal = 0xa9fe;  // 169.254

Cidr network_of(const IpPrefix& address) {
  const auto mask = address.prefix == 0 ? 0U : ~0U << (32U - address.prefix);
  return {Ip::v4(address.ip.to_u32() & mask), address.prefix};
}

/// What no server may lease (RFC 6890): "this network", loopback, link-local, multicast, class E with the
/// broadcast address.
bool is_reserved(const Ip& ip) {
  const auto first = ip.to_u32() >> 24;
  return first == 0 || first == 127 || first >= 224 || ip.to_u32() >> 16 == kLinkLocal;
}

}  // namespace

std::string fault_of(const Ip& router, const Cidr& pool) {
  if (!router.is_v4() || is_reserved(router)) return "is no host's address";
  if (pool.contains(router)) return "is of warren's own pool " + pool.str();
  return {};
}

std::string fault_of(const IpPrefix& address, const Cidr& pool) {
  if (auto fault = fault_of(address.ip, pool); !fault.empty()) return fault;
  if (address.prefix < kWidest) return "is of a network wider than a /8";
  const auto network = network_of(address);
  if (network.contains(pool.network()) || pool.contains(network.network()))
    return "is of a network that holds warren's own pool " + pool.str();
  if (address.prefix < 31 && address.ip == network.network()) return "is that of its network";
  const auto last = network.network().to_u32() | (address.prefix == 32 ? 0U : ~0U >> address.prefix);
  if (address.prefix < 31 && address.ip.to_u32() == last) return "is the broadcast address of its network";
  return {};
}

Lease Lease::parse(std::string_view text) {
  Lease lease;
  const auto end = text.find('\n');
  if (const auto address = IpPrefix::parse(text.substr(0, end))) lease.address = *address;
  if (end == text.npos) return lease;
  if (const auto router = Ip::parse(text.substr(end + 1))) lease.router = *router;
  return lease;
}

std::string Lease::str() const {
  return (address ? address->str() : std::string()) + "\n" + (router ? router->str() : std::string());
}

}  // namespace warren::dhcp
