// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "base/result.h"
#include "types/names.h"

namespace warren::model {

/// A space that could not be built, mended or torn down, and why. The others go on.
struct SpaceFailure {
  SpaceName name;
  Error error;
};

[[nodiscard]] inline bool has_failed(const std::vector<SpaceFailure>& failures, const SpaceName& name) {
  return std::ranges::find(failures, name, &SpaceFailure::name) != failures.end();
}

/// Called while an operation goes on: so many of so many spaces are done.
using Progress = std::function<void(std::size_t done, std::size_t all)>;

}  // namespace warren::model
