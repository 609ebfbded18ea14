// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace warren {

/// One line of /proc/PID/uid_map: IDs from `inside` on, seen in a user namespace, are the host's from
/// `outside` on.
struct IdRun {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  auto operator<=>(const IdRun&) const = default;
};

/// What the kernel is told of a user namespace.
struct IdRuns {
  std::vector<IdRun> uid;
  std::vector<IdRun> gid;
  auto operator<=>(const IdRuns&) const = default;
};

}  // namespace warren
