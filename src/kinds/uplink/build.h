// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>

#include "kinds/kind.h"

namespace warren::uplink {

/// Builds or mends spaces: namespace, link, addresses, routes. A space that fails is undone; the others go
/// on.
[[nodiscard]] Status build_spaces(std::span<const model::Step> steps, kinds::Context& context);

/// Deletes the links of spaces at once and lets their namespaces go. Missing pieces are no error.
[[nodiscard]] Status tear_down(std::span<const model::Step> steps, kinds::Context& context);

}  // namespace warren::uplink
