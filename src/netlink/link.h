// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netlink/socket.h"
#include "types/ip.h"
#include "types/names.h"

namespace warren::netlink {

/// A veth pair (veth(4)) whose peer is born inside another network namespace.
struct VethSpec {
  IfName outer;
  IfName inner;
  Mac outer_mac;
  Mac inner_mac;
  std::uint32_t mtu = 1500;
  std::uint32_t group = 0;
  int inner_ns = -1;  ///< descriptor of the namespace of the peer
};

/// A link on top of another: macvlan, ipvlan, or an 802.1Q VLAN. Its parent is in the socket's namespace;
/// the link itself is born where `netns` says.
struct UpperSpec {
  enum class Kind { macvlan, ipvlan, vlan };
  Kind kind = Kind::macvlan;
  IfName name;
  int parent = 0;          ///< index
  int netns = -1;          ///< descriptor; -1: beside its parent
  std::optional<Mac> mac;  ///< nothing: the kernel chooses
  std::uint32_t mode = 0;  ///< MACVLAN_MODE_* or IPVLAN_MODE_*
  std::uint16_t vlan = 0;
  std::uint32_t group = 0;
};

/// What to change of a link; what has no value stays.
struct LinkChange {
  std::optional<bool> up;
  std::optional<bool> noarp;
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint32_t> group;
  std::optional<Mac> mac;
  bool no_autoconf = false;  ///< IPv6 addr_gen_mode none: no link-local address by itself
  std::vector<std::pair<std::uint16_t, std::uint32_t>> ipv4_conf;  ///< IPV4_DEVCONF_* and value (linux/ip.h)
};

/// Where a link moves, and what it becomes in the same moment; what has no value stays.
struct LinkMove {
  int netns = -1;                 ///< descriptor
  IfName name;                    ///< must be free there
  std::optional<int> index = {};  ///< must be free there
  std::optional<std::uint32_t> group = {};
  std::optional<Mac> mac = {};
};

/// A link as the kernel lists it.
struct Link {
  int index = 0;
  std::string name;
  std::string kind;  ///< "veth", ... or empty
  Mac mac;
  std::optional<Mac> permanent_mac;  ///< burnt in
  std::uint16_t vlan = 0;            ///< of a VLAN link
  std::uint32_t mode = 0;            ///< of a macvlan or ipvlan, as linux/if_link.h has it
  int master = 0;                    ///< index of the bridge or bond that it is a port of
  std::uint32_t mtu = 0;
  std::uint32_t group = 0;
  bool up = false;
  bool loopback = false;
  bool noarp = false;
  bool no_autoconf = false;
  int peer_index = 0;  ///< IFLA_LINK: of a veth its peer's index, of an upper link that of what it sits on
  std::optional<int> peer_nsid;  ///< the namespace of that, as nsid_of() has it; nothing: the same
  std::string hardware;          ///< what it is a part of, as "pci/0000:00:03.0"; empty where it is of none
  std::vector<std::string> altnames;
  std::vector<std::uint32_t> ipv4_conf;  ///< by IPV4_DEVCONF_* - 1
  std::vector<std::int32_t> ipv6_conf;   ///< by DEVCONF_* (linux/ipv6.h)
  std::uint64_t rx_bytes = 0, rx_packets = 0, tx_bytes = 0,
                tx_packets = 0;  ///< zero where stats were left out

  [[nodiscard]] std::uint32_t ipv4(std::uint16_t devconf) const {
    return devconf >= 1 && devconf <= ipv4_conf.size() ? ipv4_conf[devconf - 1U] : 0;
  }
  [[nodiscard]] std::int32_t ipv6(std::size_t devconf) const {
    return devconf < ipv6_conf.size() ? ipv6_conf[devconf] : 0;
  }
};

void create_veth(Batch& batch, const VethSpec& spec);
void create_upper(Batch& batch, const UpperSpec& spec);
void change_link(Batch& batch, const IfName& name, const LinkChange& change);
void change_link(Batch& batch, int index, const LinkChange& change);
void add_altname(Batch& batch, const IfName& name, const std::string& altname);
void add_altname(Batch& batch, int index, const std::string& altname);
void delete_altname(Batch& batch, int index, const std::string& altname);
void rename_link(Batch& batch, int index, const IfName& name);
/// It is down then, and has no addresses.
void move_link(Batch& batch, int index, const LinkMove& move);
/// Makes the link a port of a bridge, or, with 0, of none.
void set_master(Batch& batch, const IfName& name, int master);
void delete_link(Batch& batch, const IfName& name);
void delete_link(Batch& batch, int index);
/// Deletes every link of a group at once: one grace period for all of them.
void delete_group(Batch& batch, std::uint32_t group);
/// Asks for a link within a batch; the answer comes to the visitor of run(), for parse_link. It has the
/// link's counters only when `stats`.
void query_link(Batch& batch, const IfName& name, bool stats = false);
[[nodiscard]] std::optional<Link> parse_link(const MessageView& message);

/// The link of that name, or nothing.
[[nodiscard]] Result<std::optional<Link>> get_link(Socket& socket, const IfName& name);
[[nodiscard]] Result<std::optional<Link>> get_link(Socket& socket, int index);
/// Its index alone (netdevice(7)): a whole answer costs more with each namespace that the host has. Error:
/// not_found.
[[nodiscard]] Result<int> link_index(const Socket& socket, const IfName& name);
/// Shows every link of the socket's namespace, one after the other, without their counters. What was seen
/// before a call of `start` is to be forgotten: the kernel was disturbed, and tells all again.
[[nodiscard]] Status visit_links(Socket& socket, const std::function<void()>& start,
                                 const std::function<void(const Link&)>& visit);
/// All links of the socket's namespace; with their counters only when `stats`.
[[nodiscard]] Result<std::vector<Link>> dump_links(Socket& socket, bool stats = false);

/// By which number the socket's namespace knows another, which only its own kernel gives; nothing where no
/// link leads there.
[[nodiscard]] Result<std::optional<int>> nsid_of(Socket& socket, int netns);

}  // namespace warren::netlink
