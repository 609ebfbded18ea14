// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "apply/host.h"
#include "apply/kernel.h"
#include "model/plan.h"

namespace warren::apply {

/// Reads from the kernel all that `desired` speaks of, inside the spaces too. Changes nothing.
[[nodiscard]] Result<model::Observed> observe(Kernel& kernel, const model::Desired& desired,
                                              const HostFacts& facts, const Originals& originals,
                                              const std::vector<SpaceName>& only = {});

}  // namespace warren::apply
