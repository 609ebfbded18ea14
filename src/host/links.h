// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "host/kernel.h"
#include "netlink/link.h"
#include "types/names.h"

namespace warren::host {

/// One that is gone already is fine.
[[nodiscard]] Status delete_link_if_there(netlink::Socket& socket, const IfName& name);
void raise_link(netlink::Batch& batch, const IfName& name);
/// Is a link of the host warren's work? Its group alone does not tell: others give that to interfaces which
/// come home.
[[nodiscard]] bool is_own(const netlink::Link& link);

/// Deletes links of ours by name, at once. Those that are gone already are fine, and what others made under
/// such a name stays.
[[nodiscard]] Status delete_links(Kernel& kernel, const std::vector<IfName>& names);

}  // namespace warren::host
