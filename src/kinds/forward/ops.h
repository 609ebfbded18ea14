// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "kinds/operation.h"
#include "model/forward_spec.h"

namespace warren::forward {

/// Gives a space forwards; where no host port is named, a free one is picked. Refuses: not_found; exists,
/// naming who has a port; usage (a space without an uplink).
[[nodiscard]] kinds::Operation add(const SpaceName& space, std::vector<model::ForwardSpec> specs);
/// Takes forwards from a space. A specification without a colon names the host's port. Refuses: not_found.
[[nodiscard]] kinds::Operation remove(const SpaceName& space, std::vector<model::ForwardSpec> specs);

/// What is said where somebody wants forwards into a space without an uplink. Code: usage.
[[nodiscard]] Error no_uplink(const SpaceName& space);
/// What `all` has and `other` has not; both sorted.
[[nodiscard]] std::vector<model::Forward> missing(const std::vector<model::Forward>& all,
                                                  const std::vector<model::Forward>& other);

}  // namespace warren::forward
