// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/operation.h"

#include <algorithm>
#include <fmt/format.h>

namespace warren::kinds {

Result<model::Space*> find(model::Desired& desired, const SpaceName& name) {
  const auto found = std::ranges::find(desired.spaces, name, &model::Space::name);
  if (found != desired.spaces.end()) return &*found;
  return fail(Code::not_found, fmt::format("there is no space '{}'; `warren ls` lists them", name.str()));
}

}  // namespace warren::kinds
