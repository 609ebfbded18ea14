// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "base/result.h"
#include "doctor/finding.h"

namespace warren::doctor {

/// Looks at all of the host that can get in the way of the spaces' links, and changes nothing. Error:
/// permission, or netlink itself is broken; what else cannot be looked at is a finding.
[[nodiscard]] Result<std::vector<Finding>> examine(const Context& context);

}  // namespace warren::doctor
