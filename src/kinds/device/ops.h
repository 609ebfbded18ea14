// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/device/others.h"
#include "kinds/operation.h"

namespace warren::device {

/// Gives a space a device; an index is chosen. Refuses: usage, exists, not_found, as check() says.
[[nodiscard]] kinds::Operation add(const SpaceName& space, model::Device device);
/// Takes it away again. Refuses: not_found.
[[nodiscard]] kinds::Operation remove(const SpaceName& space, const IfName& device);

/// May a space have this device, which stands in `space.devices` already? `others`: those of all spaces.
/// Error: exists (its name inside, its VLAN, its parent is another's), not_found, usage.
[[nodiscard]] Status check(const model::Space& space, const model::Device& device, const Others& others,
                           kinds::Ask& ask);
/// May it have its addresses? Error: exists, with whose one is.
[[nodiscard]] Status check_addresses(const model::Space& space, const model::Device& device,
                                     const Others& others, kinds::Ask& ask);

/// Makes the devices of `space` what is wanted: complete, an index of 0 is to be chosen. Those that go are
/// leaving, and stay in the list until they are gone; those that only change their addresses keep their link.
void take_wanted(const std::vector<model::Device>& wanted, model::Space& space);
/// What that is, in words.
[[nodiscard]] std::vector<std::string> words(const model::Space& before, const model::Space& after);

}  // namespace warren::device
