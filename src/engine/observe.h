// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "host/host.h"
#include "host/kernel.h"
#include "model/plan.h"

namespace warren::engine {

/// Reads from the kernel all that `desired` speaks of, inside the spaces too. Changes nothing. `only`: where
/// any are named, the other spaces are not entered, and have no facts.
[[nodiscard]] Result<model::Observed> observe(host::Kernel& kernel, const model::Desired& desired,
                                              const host::HostFacts& facts, const host::Originals& originals,
                                              const std::vector<SpaceName>& only = {});

}  // namespace warren::engine
