// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "netlink/socket.h"
#include "types/ip.h"
#include "types/port.h"

namespace warren::netlink {

/// A TCP socket that listens, or a UDP socket that has a port and no peer.
struct Listener {
  Proto proto = Proto::tcp;
  Ip address;  ///< unspecified: every address
  Port port = 0;
  bool v6_only = true;  ///< of an IPv6 socket: does not take IPv4 too
  std::uint32_t inode = 0;
  std::uint32_t uid = 0;

  /// Would a packet to this address reach it?
  [[nodiscard]] bool takes(const Ip& to) const;
};

/// The listeners of the socket's namespace (sock_diag(7)). `socket`: NETLINK_SOCK_DIAG.
[[nodiscard]] Result<std::vector<Listener>> dump_listeners(Socket& socket);
/// Of one protocol only: the kernel walks a table of thousands of slots for each.
[[nodiscard]] Result<std::vector<Listener>> dump_listeners(Socket& socket, Proto proto);

}  // namespace warren::netlink
