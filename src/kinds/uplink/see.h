// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/kind.h"

namespace warren::uplink {

/// Which parts of a space's namespace and link are right, on both sides.
void see(const kinds::Sight& sight, const model::Space& space, kinds::ItemFacts out);

}  // namespace warren::uplink
