// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// Whether a rule's conditions hold. For the .cc files of this folder.

#include <functional>

#include "doctor/fields.h"

namespace warren::doctor {

enum class Truth : std::uint8_t { no, maybe, yes };

/// Does a condition ({"match": ...}, {"limit": ...}, {"xt": ...}) hold? Statements that only do something
/// always do.
[[nodiscard]] Truth condition(const Json& statement, const View& view, const Ruleset::Content& content);

/// The verdicts that a verdict map may give, in order; the last is the one it gives surely, if any.
[[nodiscard]] std::vector<std::pair<Truth, const Json*>> look_up(const Json& vmap, const View& view,
                                                                 const Ruleset::Content& content);

}  // namespace warren::doctor
