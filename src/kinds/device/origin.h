// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "model/device.h"
#include "netlink/link.h"

namespace warren::device {

/// What a link of the host is now, but for where it is going.
[[nodiscard]] Result<model::Origin> read_origin(netlink::Socket& host, const netlink::Link& link);
/// One that was on its way is still to become what it was; what it has got since, it keeps.
[[nodiscard]] model::Origin merged(model::Origin before, const model::Origin& now);

/// Is a link of the host the one that the device, which was in the space before, is made of? Nobody forges
/// there.
[[nodiscard]] bool is_on_host(const netlink::Link& link, const model::Device& device);
/// Is a link of its space the device, which is there? Its MAC and its name tell nothing: who is root there
/// gives them to any link.
[[nodiscard]] bool is_inside(const netlink::Link& link, const model::Device& device);
/// The other end of a veth, where that is on the host still.
[[nodiscard]] Result<std::optional<netlink::Link>> find_peer(netlink::Socket& host,
                                                             const model::Origin& origin);
/// Is it known to live, though it is not found? Its hardware is there, or its other end.
[[nodiscard]] Result<bool> lives(netlink::Socket& host, const model::Origin& origin);
/// "nic0 (52:54:00:00:00:01)"
[[nodiscard]] std::string str(const netlink::Link& link);

}  // namespace warren::device
