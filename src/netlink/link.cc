// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/link.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "netlink/rtnl.h"

namespace warren::netlink {
namespace {

using namespace rtnl;

template <class T>
std::vector<T> read_numbers(const AttrView& attr) {
  std::vector<T> numbers(attr.payload.size() / sizeof(T));
  if (!numbers.empty()) std::memcpy(numbers.data(), attr.payload.data(), numbers.size() * sizeof(T));
  return numbers;
}

void read_family_settings(Link& link, const AttrView& spec) {
  for (const auto& family : AttrRange(spec.payload))
    for (const auto& attr : AttrRange(family.payload)) {
      if (family.type == AF_INET && attr.type == IFLA_INET_CONF) {
        link.ipv4_conf = read_numbers<std::uint32_t>(attr);
      } else if (family.type == AF_INET6 && attr.type == IFLA_INET6_CONF) {
        link.ipv6_conf = read_numbers<std::int32_t>(attr);
      } else if (family.type == AF_INET6 && attr.type == IFLA_INET6_ADDR_GEN_MODE) {
        link.no_autoconf = attr.as<std::uint8_t>() == IN6_ADDR_GEN_MODE_NONE;
      }
    }
}

void read_stats(Link& link, const AttrView& attr) {
  const auto stats = attr.as<rtnl_link_stats64>();
  if (!stats) return;
  link.rx_bytes = stats->rx_bytes, link.rx_packets = stats->rx_packets;
  link.tx_bytes = stats->tx_bytes, link.tx_packets = stats->tx_packets;
}

/// What the kind, which comes first, says of itself.
void read_kind_data(Link& link, const AttrView& data) {
  for (const auto& attr : AttrRange(data.payload)) {
    if (link.kind == "vlan" && attr.type == IFLA_VLAN_ID) link.vlan = attr.as<std::uint16_t>().value_or(0);
    if (link.kind == "macvlan" && attr.type == IFLA_MACVLAN_MODE)
      link.mode = attr.as<std::uint32_t>().value_or(0);
    if (link.kind == "ipvlan" && attr.type == IFLA_IPVLAN_MODE)
      link.mode = attr.as<std::uint16_t>().value_or(0);
  }
}

void read_kind(Link& link, const AttrView& info) {
  for (const auto& attr : AttrRange(info.payload)) {
    if (attr.type == IFLA_INFO_KIND) link.kind = attr.text();
    if (attr.type == IFLA_INFO_DATA) read_kind_data(link, attr);
  }
}

void read_altnames(Link& link, const AttrView& list) {
  for (const auto& attr : AttrRange(list.payload))
    if (attr.type == IFLA_ALT_IFNAME) link.altnames.emplace_back(attr.text());
}

void read_attribute(Link& link, const AttrView& attr) {
  switch (attr.type) {
    case IFLA_IFNAME:
      link.name = attr.text();
      break;
    case IFLA_ADDRESS:
      link.mac = attr.as<Mac>().value_or(Mac{});
      break;
    case IFLA_PERM_ADDRESS:
      if (const auto mac = attr.as<Mac>(); mac && *mac != Mac{}) link.permanent_mac = mac;
      break;
    case IFLA_MASTER:
      link.master = attr.as<int>().value_or(0);
      break;
    case IFLA_MTU:
      link.mtu = attr.as<std::uint32_t>().value_or(0);
      break;
    case IFLA_GROUP:
      link.group = attr.as<std::uint32_t>().value_or(0);
      break;
    case IFLA_LINK:
      link.peer_index = attr.as<int>().value_or(0);
      break;
    case IFLA_LINK_NETNSID:
      link.peer_nsid = attr.as<int>();
      break;
    case IFLA_PARENT_DEV_NAME:
      link.hardware += attr.text();
      break;
    case IFLA_PARENT_DEV_BUS_NAME:
      link.hardware.insert(0, std::string(attr.text()) + "/");
      break;
    case IFLA_PROP_LIST:
      read_altnames(link, attr);
      break;
    case IFLA_AF_SPEC:
      read_family_settings(link, attr);
      break;
    case IFLA_STATS64:
      read_stats(link, attr);
      break;
    case IFLA_LINKINFO:
      read_kind(link, attr);
      break;
    default:
      break;
  }
}

constexpr std::uint32_t kNoStats = RTEXT_FILTER_SKIP_STATS;

Result<std::optional<Link>> run_query(Socket& socket, Batch& batch) {
  std::optional<Link> link;
  const auto status = socket.run(batch, [&](const MessageView& message) { link = parse_link(message); });
  if (!status && status.error().code == Code::not_found) return std::nullopt;
  if (!status) return std::unexpected(status.error());
  return link;
}

}  // namespace

void query_link(Batch& batch, const IfName& name, bool stats) {
  auto link = batch.add<LinkScope>(RTM_GETLINK, 0, ifinfomsg{}, "find the link");
  link.put(kIfName, with_zero(name.str())).put(kExtMask, stats ? 0 : kNoStats);
}

std::optional<Link> parse_link(const MessageView& message) {
  const auto header = message.header<ifinfomsg>();
  if (message.type != RTM_NEWLINK || !header) return std::nullopt;
  Link link;
  link.index = header->ifi_index;
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  link.noarp = (header->ifi_flags & IFF_NOARP) != 0;
  for (const auto& attr : message.attributes<ifinfomsg>()) read_attribute(link, attr);
  return link;
}

Result<std::optional<Link>> get_link(Socket& socket, const IfName& name) {
  Batch batch;
  query_link(batch, name);
  return run_query(socket, batch);
}

Result<std::optional<Link>> get_link(Socket& socket, int index) {
  Batch batch;
  ifinfomsg header{};
  header.ifi_index = index;
  batch.add<LinkScope>(RTM_GETLINK, 0, header, "find the link").put(kExtMask, kNoStats);
  return run_query(socket, batch);
}

Result<int> link_index(const Socket& socket, const IfName& name) {
  ifreq request{};
  name.str().copy(request.ifr_name, sizeof request.ifr_name - 1);
  // Of the socket's namespace, whichever the thread is in.
  if (::ioctl(socket.fd(), SIOCGIFINDEX, &request) == 0) return request.ifr_ifindex;
  if (errno == ENODEV) return fail(Code::not_found, fmt::format("link {} is not there", name.str()));
  return fail_errno(errno, "find link " + name.str());
}

namespace {

/// `visit` may take the link away.
template <class Visit>
Status each_link(Socket& socket, bool stats, const std::function<void()>& start, Visit visit) {
  Batch batch;
  batch.add<LinkScope>(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}, "list the links")
      .put(kExtMask, stats ? 0 : kNoStats);
  return socket.dump(batch, start, [&](const MessageView& message) {
    if (auto link = parse_link(message)) visit(*link);
  });
}

}  // namespace

Status visit_links(Socket& socket, const std::function<void()>& start,
                   const std::function<void(const Link&)>& visit) {
  return each_link(socket, false, start, visit);
}

Result<std::vector<Link>> dump_links(Socket& socket, bool stats) {
  std::vector<Link> links;
  TRY(each_link(
      socket, stats, [&] { links.clear(); }, [&](Link& link) { links.push_back(std::move(link)); }));
  return links;
}

Result<std::optional<int>> nsid_of(Socket& socket, int netns) {
  Batch batch;
  batch.add<NsidScope>(RTM_GETNSID, 0, rtgenmsg{}, "find the namespace")
      .put(kNsidFd, static_cast<std::uint32_t>(netns));
  std::optional<int> nsid;
  TRY(socket.run(batch, [&](const MessageView& message) {
    for (const auto& attr : message.attributes<rtgenmsg>())
      if (attr.type == NETNSA_NSID) nsid = attr.as<int>();
  }));
  if (nsid && *nsid < 0) nsid.reset();
  return nsid;
}

}  // namespace warren::netlink
