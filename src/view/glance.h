// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "host/kernel.h"
#include "model/space.h"
#include "store/store.h"

namespace warren::view {

/// Is all of the space there, at a glance: sessions can land in it, its host end and our table stand? That
/// costs the same however many spaces there are; observe() is what looks closely.
[[nodiscard]] Result<bool> stands(store::Store& store, host::Kernel& kernel, const model::Space& space,
                                  const model::Settings& settings);

}  // namespace warren::view
