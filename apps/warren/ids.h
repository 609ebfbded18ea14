// SPDX-License-Identifier: GPL-2.0-or-later
// What the commands `id` and `map` have in common.
#pragma once

#include "context.h"
#include "kinds/ids/registry.h"
#include "view/ids.h"

namespace warren::cli {

/// For those of these commands that change something. Needs root.
[[nodiscard]] Result<ids::IdRegistry> id_registry(const Context& context);

/// Under a heading, a line for each entry, and the sum.
void print(const view::ShownMap& shown);

}  // namespace warren::cli
