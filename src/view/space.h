// SPDX-License-Identifier: GPL-2.0-or-later
// What is said of a space, to programs and to people.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/place.h"
#include "model/space.h"
#include "view/status.h"

namespace warren::view {

[[nodiscard]] Json to_json(const model::Forward& forward);
/// Number, name, addresses, MACs, interfaces, forwards: what `plan`, `add` and `show` have in common.
[[nodiscard]] Json to_json(const Place& place, const model::Space& space, const model::Settings& settings);
[[nodiscard]] Json to_json(const Place& place, const SpaceStatus& status, const model::Settings& settings);
/// The same for people, a line a fact.
[[nodiscard]] std::vector<std::string> describe(const Place& place, const model::Space& space,
                                                const model::Settings& settings);

}  // namespace warren::view
