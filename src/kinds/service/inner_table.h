// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/place.h"
#include "model/derive.h"
#include "netlink/socket.h"

namespace warren::service {

/// Makes the kernel translate 127.0.0.1 inside the space to its services in nat mode; takes away what stood.
/// `netns`: the space's namespace.
[[nodiscard]] Status put_inner_table(const Place& place, int netns, const model::Space& space,
                                     const model::Settings& settings);

/// Does the inner table lead where it should? The calling thread is in the space.
[[nodiscard]] bool inner_table_is_right(const Place& place, const model::Space& space,
                                        const model::Settings& settings);

}  // namespace warren::service
