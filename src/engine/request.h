// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include "engine/spaces.h"
#include "kinds/device/others.h"
#include "kinds/forward/ports.h"

namespace warren::engine {

/// Adds the space that is asked for to the desired state: number, addresses, forwards, devices. `others`:
/// where the devices of all spaces are known, those in whose way the new ones may be; else they are checked
/// later.
[[nodiscard]] Status insert_space(const SpaceRequest& request, model::Desired& desired,
                                  forward::PortResolver& ports, kinds::Ask& ask,
                                  const device::Others* others);
/// May the space have the addresses that were given by hand? Error: usage; exists, with whose one is.
[[nodiscard]] Status check_given(const model::Space& space, const model::Desired& desired, kinds::Ask& ask);

}  // namespace warren::engine
