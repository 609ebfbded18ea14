// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/kind.h"

namespace warren::uplink {

/// The namespace of a space, and the link by which it reaches the world.
extern const kinds::Kind kKind;

}  // namespace warren::uplink
