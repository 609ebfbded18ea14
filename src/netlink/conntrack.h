// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "netlink/socket.h"
#include "types/ip.h"
#include "types/port.h"

namespace warren::netlink {

/// Which entries of the connection tracking table are meant.
struct FlowMatch {
  enum class Kind {
    forward,  ///< translated from these host ports to `ip`
    local,    ///< to these host ports, not translated: they would outlive a forward that is added
    space,    ///< from `ip`, or answered by it
  };
  Kind kind = Kind::space;
  Ip ip;  ///< of the space; its family is that of the entries
  Proto proto = Proto::tcp;
  PortRange ports;
  std::optional<Ip> host;  ///< the original destination address; nothing: any
};

/// Deletes exactly the entries that match, by their original tuples, and says how many there were. `socket`:
/// NETLINK_NETFILTER.
[[nodiscard]] Result<std::size_t> delete_flows(Socket& socket, const std::vector<FlowMatch>& matches);

/// How many entries begin at this address or are answered by it.
[[nodiscard]] Result<std::size_t> count_flows(Socket& socket, const Ip& ip);

}  // namespace warren::netlink
