// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "types/id_map.h"
#include "types/names.h"

namespace warren::guest {

/// A file or directory of the host, shown in the guest.
struct Bind {
  std::string from;
  std::string to;
  bool read_only = false;

  /// SRC:DST or SRC:DST:ro, both absolute. Error: usage.
  [[nodiscard]] static Result<Bind> parse(std::string_view text);
  bool operator==(const Bind&) const = default;
};

/// What runs, and in what.
struct Request {
  Place place;
  SpaceName space;
  IdRuns ids;              ///< of a new user namespace, where none is there to be joined
  bool exact_ids = false;  ///< join none but one with just these IDs
  std::string rootfs;      ///< empty: the host's files
  std::string user;        ///< of the guest, a name or a UID; empty: root
  std::string hostname;    ///< empty: the space's name
  std::vector<Bind> binds;
  bool read_only = false;
  bool no_new_privileges = false;
  bool boot = false;  ///< the command is PID 1 itself
  std::vector<std::string> command;
};

/// Error: usage.
[[nodiscard]] Status check_hostname(const std::string& name);

}  // namespace warren::guest
