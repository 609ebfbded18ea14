// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "kinds/operation.h"
#include "model/forward_spec.h"

namespace warren::engine {

/// A space that is asked for.
struct SpaceRequest {
  SpaceName name;
  std::vector<model::ForwardSpec> ports;
  std::optional<Ip> ip4;
  std::optional<Ip> ip6;
  bool nat = true;
  bool up = true;
  bool uplink = true;
  std::vector<model::Device> devices;  ///< complete (see model::complete); an index of 0 is to be chosen
  std::optional<SpaceNumber> number;   ///< kept when it and its addresses are free
};

/// Makes a space. Refuses: exists (its name, an address, a port, a namespace or link under its name), usage,
/// failed (no way out, no number left).
[[nodiscard]] kinds::Operation add_space(SpaceRequest request);
/// Makes a space of the namespace behind a path, or takes it into one of that name that is down. Refuses, in
/// addition: usage (the host's own), exists (another space's; a default route is there; ports for one that
/// exists).
[[nodiscard]] kinds::Operation adopt_space(SpaceRequest request, std::string path);
/// Removes spaces, or takes them down. Refuses: not_found.
[[nodiscard]] kinds::Operation remove_spaces(std::vector<SpaceName> names);
[[nodiscard]] kinds::Operation take_down(std::vector<SpaceName> names);
/// All that there are.
[[nodiscard]] kinds::Operation remove_all();
[[nodiscard]] kinds::Operation take_down_all();

/// Makes the desired state what the requests say; `prune`: spaces that are not among them go.
[[nodiscard]] kinds::Operation apply(std::vector<SpaceRequest> requests, bool prune);

/// What an operation did, or would do, to one space.
struct SpaceStep {
  enum class Kind { create, change, remove };
  Kind kind = Kind::create;
  SpaceName name;
  std::string what;  ///< in words: "adds tcp 6000 -> 8080"
};
/// In the order in which people read them: what goes, what changes, what comes.
[[nodiscard]] std::vector<SpaceStep> steps_of(const Report& report);

}  // namespace warren::engine
