// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "netlink/socket.h"
#include "types/ip.h"
#include "types/names.h"

namespace warren::netlink {

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

void create_upper(Batch& batch, const UpperSpec& spec);
void rename_link(Batch& batch, int index, const IfName& name);
/// Where a link moves, and what it becomes in the same moment; what has no value stays.
struct LinkMove {
  int netns = -1;                 ///< descriptor
  IfName name;                    ///< must be free there
  std::optional<int> index = {};  ///< must be free there
  std::optional<std::uint32_t> group = {};
  std::optional<Mac> mac = {};
};
/// It is down then, and has no addresses.
void move_link(Batch& batch, int index, const LinkMove& move);
/// Makes the link a port of a bridge, or, with 0, of none.
void set_master(Batch& batch, const IfName& name, int master);
void delete_link(Batch& batch, int index);

/// By which number the socket's namespace knows another, which only its own kernel gives; nothing where no
/// link leads there.
[[nodiscard]] Result<std::optional<int>> nsid_of(Socket& socket, int netns);

}  // namespace warren::netlink
