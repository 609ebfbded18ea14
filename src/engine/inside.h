// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "host/host.h"
#include "kinds/device/look.h"
#include "model/plan.h"

namespace warren::engine {

/// What can be seen from inside a space: which of its inner parts are right, and its link's ends.
struct Inside {
  bool netns = false;
  model::Parts right;
  int inner_index = 0;
  int outer_index = 0;                        ///< as the inner end tells it
  std::vector<device::DeviceInside> devices;  ///< in the order of the space's
};

/// Looks into every space that is to be up, or only into those named, on threads of their own. In the order
/// of the spaces.
[[nodiscard]] std::vector<Inside> look_inside(const model::Desired& desired, const host::HostFacts& facts,
                                              const std::vector<SpaceName>& only);

}  // namespace warren::engine
