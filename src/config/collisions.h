// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "model/space.h"

namespace warren::config {

/// A forward that a space of the file asks for.
struct Claim {
  model::Forward forward;
  const SpaceName* space = nullptr;
  int line = 0;
};

/// Two claims that cannot both stand, the one on the later line second. Sorts `claims`; O(n log n).
[[nodiscard]] std::optional<std::pair<Claim, Claim>> find_collision(std::vector<Claim>& claims);

}  // namespace warren::config
