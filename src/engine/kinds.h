// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>

#include "kinds/device/device.h"
#include "kinds/service/service.h"
#include "kinds/uplink/uplink.h"

namespace warren::engine {

/// The kinds of things that belong to spaces, in the order in which they are made; they leave in the reverse
/// one. A Fact or Step names its kind by the place here. Forwards and confined members are elements of the
/// table alone, and need no row.
inline constexpr std::array kKinds{&uplink::kKind, &service::kKind, &device::kKind};

}  // namespace warren::engine
