// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <string>
#include <vector>

#include "base/place.h"
#include "base/unique_fd.h"
#include "hooks/facts.h"

namespace warren::hooks {

/// An executable that may be run as root: it was looked at through the descriptor it is run by, so nobody
/// puts another in its place between the two.
struct Hook {
  std::string path;
  std::string file;  ///< the last part of it
  UniqueFd fd;       ///< O_PATH
  bool inside = false;
  bool script = false;  ///< begins with #!
};

/// The hooks of an event, those of the host and those of the space in one order of names. What is not to be
/// run, or not to be trusted, is left out with a warning.
[[nodiscard]] std::vector<Hook> find_hooks(const Place& place, Event event, const SpaceName& space);

}  // namespace warren::hooks
