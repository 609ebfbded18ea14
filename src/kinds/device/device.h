// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/kind.h"

namespace warren::device {

/// The extra interfaces of a space: veth, macvlan, ipvlan, VLAN, and physical ones of the host.
extern const kinds::Kind kKind;

/// The MAC of the device's link: one of the host's keeps its own, and an ipvlan has that of what it sits on.
[[nodiscard]] Result<Mac> mac_of(host::Kernel& kernel, store::Store& store, const model::Space& space,
                                 const model::Device& device);

}  // namespace warren::device
