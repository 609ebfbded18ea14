// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// The parts of an examination. Each gives one finding or more, "ok" ones too. For the .cc files of this
// folder and tests.

#include <vector>

#include "base/result.h"
#include "doctor/finding.h"

namespace warren::doctor {

/// Chains of others that drop packets of our links.
[[nodiscard]] Result<std::vector<Finding>> check_firewalls(const Context& context);
/// Rules of the old iptables, which nftables does not show.
[[nodiscard]] std::vector<Finding> check_legacy_iptables();
/// forwarding, accept_ra, rp_filter, route_localnet.
[[nodiscard]] Result<std::vector<Finding>> check_sysctls(const Context& context);
/// Size and fill level of the connection tracking table.
[[nodiscard]] Result<std::vector<Finding>> check_conntrack(const Context& context);
/// What the kernel can, tried for real in a network namespace of its own that is gone afterwards.
[[nodiscard]] std::vector<Finding> check_kernel(const Context& context);
/// Which types of `warren dev add` the kernel lacks, tried in the same way.
[[nodiscard]] std::vector<Finding> check_devices();

}  // namespace warren::doctor
