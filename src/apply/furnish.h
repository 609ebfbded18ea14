// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "apply/host.h"
#include "apply/room.h"
#include "model/plan.h"

namespace warren::apply {

/// One space on its way to being whole.
struct Site {
  const model::Settings& settings;
  const HostFacts& facts;
  const model::Space& space;
  model::Wiring wiring;
};

/// Creates the link pair of the space.
[[nodiscard]] Status connect(netlink::Socket& host, const Site& site, const Room& room);
/// Puts `parts` right inside the namespace.
[[nodiscard]] Status furnish_inside(Room& room, const Site& site, model::Parts parts);
/// Puts `parts` right on the host's side.
[[nodiscard]] Status furnish_outside(netlink::Socket& host, const Site& site, model::Parts parts);

}  // namespace warren::apply
