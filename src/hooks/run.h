// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>

#include "base/place.h"
#include "base/result.h"
#include "hooks/facts.h"

namespace warren::hooks {

/// In the environment of each hook: warren refuses to wait for the lock that is held for the hook's sake.
inline constexpr const char* kEventVariable = "WARREN_EVENT";

/// Has the operator put up hooks at all? Two calls of access(2), so that who has none pays for none.
[[nodiscard]] bool any(const Place& place);
/// Are there any for this event?
[[nodiscard]] bool wanted(const Place& place, Event event, const SpaceName& space);

/// Runs the operator's executables below hooks.d/EVENT and spaces/NAME/hooks.d/EVENT, beside the place's
/// warren.toml, in the order of their names, each with `timeout`. What they write goes to standard error, a
/// line at a time. Error, for pre_up only: the first that fails ends it; for any other event a failure is a
/// warning.
[[nodiscard]] Status run_hooks(const Place& place, Event event, const Facts& facts,
                               std::chrono::seconds timeout);

}  // namespace warren::hooks
