// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/kind.h"

namespace warren::service {

/// What leads from a space's 127.0.0.1 to the services that the kernel translates (mode nat): one table
/// inside.
extern const kinds::Kind kKind;

}  // namespace warren::service
