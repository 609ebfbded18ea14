// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

namespace warren::guest {

/// Who a command runs as, by the /etc/passwd and /etc/group of the tree that it sees.
struct Identity {
  std::string name = "root";
  std::string home = "/root";
  std::string shell = "/bin/sh";
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups{0};
};
/// By name or UID; a UID that has no name is its own group. Reads the files alone: a name service would run
/// the guest's code in this process. Error: usage, there is none.
[[nodiscard]] Result<Identity> find_identity(const std::string& user);
/// Gives up the rest.
[[nodiscard]] Status become(const Identity& identity);

}  // namespace warren::guest
