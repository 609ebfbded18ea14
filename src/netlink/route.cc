// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/route.h"

#include <cstring>
#include <sys/socket.h>

#include "netlink/rtnl.h"

namespace warren::netlink {
namespace {

using namespace rtnl;

constexpr std::uint8_t kFromRouter = 2;  // IFAPROT_KERNEL_RA

std::uint8_t af(Family family) { return family == Family::v4 ? AF_INET : AF_INET6; }

std::optional<Ip> read_ip(const AttrView& attr, std::uint8_t family) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(attr.payload.data());
  if (family == AF_INET && attr.payload.size() == 4) return Ip::from_bytes(bytes, Family::v4);
  if (family == AF_INET6 && attr.payload.size() == 16) return Ip::from_bytes(bytes, Family::v6);
  return std::nullopt;
}

void write_address(Batch& batch, std::uint16_t type, std::uint16_t flags, const Address& address,
                   std::string_view what) {
  ifaddrmsg header{};
  header.ifa_family = af(address.ip.family());
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
  header.ifa_index = static_cast<std::uint32_t>(address.index);
  header.ifa_scope = address.scope;
  auto writer = batch.add<AddrScope>(type, flags, header, what);
  writer.put(kLocal, address.ip).put(kPeerAddress, address.peer.value_or(address.ip));
  if (address.broadcast) writer.put(kBroadcast, *address.broadcast);
  if (type == RTM_NEWADDR)
    writer.put(kAddrFlags, IFA_F_NODAD | IFA_F_PERMANENT | (address.no_route ? IFA_F_NOPREFIXROUTE : 0U));
}

void write_route(Batch& batch, std::uint16_t type, std::uint16_t flags, const Route& route,
                 std::string_view what) {
  rtmsg header{};
  header.rtm_family = af(route.family);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.dst ? route.dst->prefix() : 0);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  const bool local_link = route.index != 0 && !route.gateway && route.family == Family::v4;
  header.rtm_scope = local_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
  if (route.gateway) header.rtm_flags = RTNH_F_ONLINK;
  auto writer = batch.add<RouteScope>(type, flags, header, what);
  if (route.dst) writer.put(kDst, route.dst->network());
  if (route.gateway) writer.put(kGateway, *route.gateway);
  if (route.src) writer.put(kPrefSrc, *route.src);
  if (route.index != 0) writer.put(kOif, static_cast<std::uint32_t>(route.index));
  if (route.metric != 0) writer.put(kPriority, route.metric);
}

std::optional<Route> parse_route(const MessageView& message) {
  const auto header = message.header<rtmsg>();
  if (message.type != RTM_NEWROUTE || !header || header->rtm_table != RT_TABLE_MAIN) return std::nullopt;
  Route route;
  route.family = header->rtm_family == AF_INET ? Family::v4 : Family::v6;
  route.unreachable = header->rtm_type == RTN_UNREACHABLE;
  std::optional<Ip> dst;
  for (const auto& attr : message.attributes<rtmsg>()) {
    if (attr.type == RTA_DST) dst = read_ip(attr, header->rtm_family);
    if (attr.type == RTA_GATEWAY) route.gateway = read_ip(attr, header->rtm_family);
    if (attr.type == RTA_PREFSRC) route.src = read_ip(attr, header->rtm_family);
    if (attr.type == RTA_OIF) route.index = attr.as<int>().value_or(0);
    if (attr.type == RTA_PRIORITY) route.metric = attr.as<std::uint32_t>().value_or(0);
  }
  if (header->rtm_dst_len != 0 && !dst) return std::nullopt;
  if (dst) route.dst = Cidr(*dst, header->rtm_dst_len);
  return route;
}

std::optional<Address> parse_address(const MessageView& message) {
  const auto header = message.header<ifaddrmsg>();
  if (message.type != RTM_NEWADDR || !header) return std::nullopt;
  std::optional<Ip> local, peer;
  std::uint32_t flags = header->ifa_flags;
  Address address{static_cast<int>(header->ifa_index), {}, header->ifa_prefixlen};
  for (const auto& attr : message.attributes<ifaddrmsg>()) {
    if (attr.type == IFA_LOCAL) local = read_ip(attr, header->ifa_family);
    if (attr.type == IFA_ADDRESS) peer = read_ip(attr, header->ifa_family);
    if (attr.type == IFA_BROADCAST) address.broadcast = read_ip(attr, header->ifa_family);
    if (attr.type == IFA_FLAGS) flags = attr.as<std::uint32_t>().value_or(flags);
    if (attr.type == IFA_PROTO) address.passing = attr.as<std::uint8_t>() == kFromRouter;
  }
  if (!local && !peer) return std::nullopt;
  address.ip = local ? *local : *peer;  // IPv6 tells a plain address as IFA_ADDRESS alone
  if (peer && *peer != address.ip) address.peer = peer;
  address.scope = header->ifa_scope;
  address.no_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
  // Of IPv4 the bit of IFA_F_TEMPORARY says that it is not the first of its network.
  const bool temporary = !address.ip.is_v4() && (flags & IFA_F_TEMPORARY) != 0;
  if (!(flags & IFA_F_PERMANENT) || temporary) address.passing = true;
  return address;
}

template <class T>
Result<std::vector<T>> dump_as(Socket& socket, Batch& batch, std::optional<T> (*parse)(const MessageView&)) {
  std::vector<T> all;
  TRY(socket.dump(
      batch, [&] { all.clear(); },
      [&](const MessageView& message) {
        if (auto one = parse(message)) all.push_back(std::move(*one));
      }));
  return all;
}

}  // namespace

void add_address(Batch& batch, const Address& address) {
  write_address(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, address, "add the address");
}

void delete_address(Batch& batch, const Address& address) {
  write_address(batch, RTM_DELADDR, 0, address, "delete the address");
}

Result<std::vector<Address>> dump_addresses(Socket& socket) {
  Batch batch;
  (void)batch.add<AddrScope>(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}, "list the addresses");
  return dump_as(socket, batch, parse_address);
}

void put_route(Batch& batch, const Route& route) {
  write_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, "add the route");
}

void add_route(Batch& batch, const Route& route) {
  write_route(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route, "add the route");
}

void delete_route(Batch& batch, const Route& route) {
  write_route(batch, RTM_DELROUTE, 0, route, "delete the route");
}

Status visit_routes(Socket& socket, Family family, const std::function<void()>& start,
                    const std::function<void(const Route&)>& visit) {
  Batch batch;
  rtmsg header{};
  header.rtm_family = af(family);
  // Strict checking lets the kernel leave out the other tables.
  batch.add<RouteScope>(RTM_GETROUTE, NLM_F_DUMP, header, "list the routes")
      .put(kTable, std::uint32_t{RT_TABLE_MAIN});
  auto done = socket.dump(batch, start, [&](const MessageView& message) {
    if (const auto route = parse_route(message)) visit(*route);
  });
  if (done || done.error().code != Code::not_found) return done;
  start();  // a namespace that never had a route of the family has no table for it either
  return {};
}

Result<std::vector<Route>> dump_routes(Socket& socket, Family family) {
  std::vector<Route> routes;
  TRY(visit_routes(
      socket, family, [&] { routes.clear(); }, [&](const Route& route) { routes.push_back(route); }));
  return routes;
}

namespace {

/// The interface of the first of several ways that share what goes there; 0 where that is cut off.
int first_hop(const AttrView& attr) {
  rtnexthop hop{};
  if (attr.payload.size() < sizeof hop) return 0;
  std::memcpy(&hop, attr.payload.data(), sizeof hop);
  return hop.rtnh_ifindex;
}

}  // namespace

namespace {

void ask_way(Batch& batch, const Ip& to, unsigned flags) {
  rtmsg header{};
  header.rtm_family = af(to.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(to.bits());
  header.rtm_flags = flags;
  // Else the kernel looks through all addresses of all links for the IPv6 source that it would choose.
  if (!to.is_v4()) header.rtm_src_len = header.rtm_dst_len;
  auto request = batch.add<RouteScope>(RTM_GETROUTE, 0, header, "find the route");
  request.put(kDst, to);
  if (!to.is_v4()) request.put(kSrc, to);
}

}  // namespace

void query_way(Batch& batch, const Ip& to) { ask_way(batch, to, 0); }

std::optional<Way> parse_way(const MessageView& message) {
  const auto header = message.header<rtmsg>();
  if (message.type != RTM_NEWROUTE || !header) return std::nullopt;
  if (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_LOCAL) return std::nullopt;
  Way way;
  way.local = header->rtm_type == RTN_LOCAL;
  for (const auto& attr : message.attributes<rtmsg>()) {
    if (attr.type == RTA_OIF) way.index = attr.as<int>().value_or(0);
    if (attr.type == RTA_GATEWAY) way.gateway = read_ip(attr, header->rtm_family);
    if (attr.type == RTA_MULTIPATH) way.index = first_hop(attr);
  }
  return way;
}

Result<std::optional<int>> route_interface(Socket& socket, const Ip& to) {
  Batch batch;
  // The entry alone: to say which IPv6 source it would choose, the kernel would walk all links once more.
  ask_way(batch, to, to.is_v4() ? 0 : RTM_F_FIB_MATCH);
  std::optional<int> index;
  const auto status = socket.run(batch, [&](const MessageView& message) {
    if (const auto way = parse_way(message); way && !way->local) index = way->index;
  });
  // The kernel refuses to route where it has no way, and each kind of "no way" has its own errno.
  if (!status && status.error().code == Code::permission) return std::unexpected(status.error());
  return index;
}

void put_neighbour(Batch& batch, const Neighbour& neighbour) {
  ndmsg header{};
  header.ndm_family = af(neighbour.ip.family());
  header.ndm_ifindex = neighbour.index;
  header.ndm_state = NUD_PERMANENT;
  auto writer =
      batch.add<NeighScope>(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header, "add the neighbour entry");
  writer.put(kNeighDst, neighbour.ip).put(kNeighMac, neighbour.mac);
}

void query_neighbour(Batch& batch, int index, const Ip& ip) {
  ndmsg header{};
  header.ndm_family = af(ip.family());
  header.ndm_ifindex = index;
  batch.add<NeighScope>(RTM_GETNEIGH, 0, header, "find the neighbour entry").put(kNeighDst, ip);
}

std::optional<Neighbour> parse_neighbour(const MessageView& message) {
  const auto header = message.header<ndmsg>();
  if (message.type != RTM_NEWNEIGH || !header || !(header->ndm_state & NUD_PERMANENT)) return std::nullopt;
  Neighbour neighbour;
  neighbour.index = header->ndm_ifindex;
  std::optional<Ip> ip;
  for (const auto& attr : message.attributes<ndmsg>()) {
    if (attr.type == NDA_DST) ip = read_ip(attr, header->ndm_family);
    if (attr.type == NDA_LLADDR) neighbour.mac = attr.as<Mac>().value_or(Mac{});
  }
  if (!ip) return std::nullopt;
  neighbour.ip = *ip;
  return neighbour;
}

Result<std::vector<Neighbour>> dump_neighbours(Socket& socket) {
  Batch batch;
  (void)batch.add<NeighScope>(RTM_GETNEIGH, NLM_F_DUMP, ndmsg{}, "list the neighbour entries");
  return dump_as(socket, batch, parse_neighbour);
}

}  // namespace warren::netlink
