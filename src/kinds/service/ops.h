// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "kinds/operation.h"
#include "model/service.h"

namespace warren::service {

/// Makes a service, for the spaces that are there and those to come. Refuses: usage (see model::check);
/// exists (the name, or the port in a space that has both); not_found (a space of its scope).
[[nodiscard]] kinds::Operation add(model::Service service);
/// Refuses: not_found.
[[nodiscard]] kinds::Operation remove(const ServiceName& name);

}  // namespace warren::service
