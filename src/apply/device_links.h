// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "netlink/socket.h"
#include "types/names.h"

namespace warren::apply {

/// One that is gone already is fine.
[[nodiscard]] Status delete_link_if_there(netlink::Socket& socket, const IfName& name);
void raise_link(netlink::Batch& batch, const IfName& name);

}  // namespace warren::apply
