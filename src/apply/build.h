// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <vector>

#include "apply/host.h"
#include "apply/kernel.h"
#include "apply/owners.h"
#include "apply/room.h"
#include "model/plan.h"

namespace warren::apply {

/// A space that could not be built, mended or torn down, and why.
struct SpaceFailure {
  SpaceName name;
  Error error;
};

[[nodiscard]] bool has_failed(const std::vector<SpaceFailure>& failures, const SpaceName& name);

using Progress = std::function<void(std::size_t done, std::size_t all)>;

/// Builds or mends spaces: namespace, link, addresses, routes. A space that fails is undone; the others go
/// on. `begun`: their namespaces, in the same order, where somebody has begun with them already.
[[nodiscard]] Result<std::vector<SpaceFailure>> build_spaces(Kernel& kernel, const model::Settings& settings,
                                                             const HostFacts& facts,
                                                             const std::vector<model::SpaceChange>& changes,
                                                             const Owners& owners,
                                                             const Progress& progress = {},
                                                             RoomSource* begun = nullptr);

/// Deletes the links of spaces at once and lets their namespaces go. Missing pieces are no error.
[[nodiscard]] Status tear_down(Kernel& kernel, const model::Settings& settings,
                               const std::vector<const model::Space*>& spaces);
/// Deletes links by name, at once.
[[nodiscard]] Status delete_links(Kernel& kernel, const std::vector<IfName>& names);

}  // namespace warren::apply
