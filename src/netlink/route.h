// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "netlink/socket.h"
#include "types/ip.h"

namespace warren::netlink {

/// An address of a link. Added without duplicate address detection (IFA_F_NODAD), so it is usable at once.
struct Address {
  int index = 0;
  Ip ip;
  unsigned prefix = 32;
  std::optional<Ip> peer = {};       ///< the far end of a point-to-point link
  std::optional<Ip> broadcast = {};  ///< IPv4 only
  std::uint8_t scope = 0;            ///< RT_SCOPE_* (linux/rtnetlink.h)
  bool no_route = false;             ///< it brings no route to its network
  bool passing = false;              ///< from a DHCP server or router: it ends by itself
  auto operator<=>(const Address&) const = default;
};
void add_address(Batch& batch, const Address& address);
void delete_address(Batch& batch, const Address& address);
[[nodiscard]] Result<std::vector<Address>> dump_addresses(Socket& socket);

/// A route of the main table.
struct Route {
  Family family = Family::v4;
  std::optional<Cidr> dst;    ///< nothing: default
  int index = 0;              ///< interface; 0 for an unreachable route
  std::optional<Ip> gateway;  ///< reached on the link itself (onlink)
  std::optional<Ip> src;      ///< preferred source
  bool unreachable = false;
  std::uint32_t metric = 0;

  bool operator==(const Route&) const = default;
};
/// Adds the route, or puts it in the place of one with the same destination and metric.
void put_route(Batch& batch, const Route& route);
/// The same, but where there is one already that stays. Error: exists.
void add_route(Batch& batch, const Route& route);
void delete_route(Batch& batch, const Route& route);
/// Shows every route of the family, one after the other. What was seen before a call of `start` is to be
/// forgotten: the kernel was disturbed, and tells all again.
[[nodiscard]] Status visit_routes(Socket& socket, Family family, const std::function<void()>& start,
                                  const std::function<void(const Route&)>& visit);
[[nodiscard]] Result<std::vector<Route>> dump_routes(Socket& socket, Family family);

/// How the kernel would send to an address.
struct Way {
  int index = 0;  ///< outgoing interface
  std::optional<Ip> gateway;
  bool local = false;  ///< the address is its own
};
/// Asks within a batch; the answer, if there is a way, comes to the visitor of run(), for parse_way.
void query_way(Batch& batch, const Ip& to);
[[nodiscard]] std::optional<Way> parse_way(const MessageView& message);
/// The index of the interface by which the host would reach this address; nothing when it would not.
[[nodiscard]] Result<std::optional<int>> route_interface(Socket& socket, const Ip& to);

/// A permanent neighbour entry: who has this address is known, and not asked (no ARP, no NDP).
struct Neighbour {
  int index = 0;
  Ip ip;
  Mac mac;
  auto operator<=>(const Neighbour&) const = default;
};
void put_neighbour(Batch& batch, const Neighbour& neighbour);
/// Asks for one entry within a batch; the answer is for parse_neighbour.
void query_neighbour(Batch& batch, int index, const Ip& ip);
/// The entry, if it is a permanent one.
[[nodiscard]] std::optional<Neighbour> parse_neighbour(const MessageView& message);
/// The permanent entries.
[[nodiscard]] Result<std::vector<Neighbour>> dump_neighbours(Socket& socket);

}  // namespace warren::netlink
