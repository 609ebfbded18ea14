// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/place.h"
#include "store/store.h"
#include "types/names.h"

namespace warren::session {

/// A member's process outside of his space.
struct Stray {
  pid_t pid = 0;
  uid_t uid = 0;
  SpaceName space;    ///< where it belongs
  std::string place;  ///< where it is: "the host", "space web2", "another namespace"
  std::string command;
  std::string unit;  ///< of systemd, or empty
};

/// Looks at every process, once. Those of users below `min_uid`, that of the settings, are nobody's.
[[nodiscard]] Result<std::vector<Stray>> find_strays(const Place& place, store::Store& store, uid_t min_uid);

}  // namespace warren::session
