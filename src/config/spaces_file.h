// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/forward_spec.h"
#include "model/space.h"

namespace warren::config {

/// One [space.NAME] of a file for `warren apply`.
struct SpaceEntry {
  SpaceName name;
  int line = 0;  ///< where it begins in the file
  std::optional<SpaceNumber> number;
  std::optional<Ip> ip4;
  std::optional<Ip> ip6;
  bool nat = true;
  bool up = true;
  bool uplink = true;
  std::vector<model::Device> devices;     ///< complete; an index of 0 is to be chosen
  std::vector<model::ForwardSpec> ports;  ///< no two of the whole file can collide
};

/// A file for `warren apply`, checked as far as it can be without the store and the settings.
struct SpacesFile {
  std::vector<SpaceEntry> spaces;  ///< in the order of the file
};

/// Error: usage, "FILE:LINE: KEY: what is wrong and what to write".
[[nodiscard]] Result<SpacesFile> parse_spaces(std::string_view text, std::string_view file);

/// The file that makes these spaces again. Adopted ones become ordinary; those being removed are left out.
[[nodiscard]] std::string write_spaces(const std::vector<model::Space>& spaces);

}  // namespace warren::config
