// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/id_block.h"

namespace warren::model {

/// The text of /etc/subuid or /etc/subgid. Our lines stand between two marks where we write them, but useradd
/// puts lines, comments too, into an order of its own: so a line is known to be ours by what it says, an
/// owner and just the IDs of his block, never by where it stands.
struct SubidFile {
  std::string before;              ///< lines of others, in front of the first mark
  std::string after;               ///< lines of others, behind it
  bool marked = false;             ///< there is a mark of ours
  std::vector<std::string> lines;  ///< ours, sorted

  [[nodiscard]] static SubidFile parse(std::string_view text, const std::vector<IdBlock>& blocks);
  /// The file with these lines of ours, or without any.
  [[nodiscard]] std::string with(const std::optional<std::vector<std::string>>& section) const;
  /// Who uses IDs by what is not ours. Lines that shadow would not understand are left out.
  [[nodiscard]] std::vector<IdUse> uses(std::string_view path) const;
};

/// What our lines are to say, sorted: NAME:FIRST:COUNT. Blocks in quarantine are nobody's, and stand there to
/// keep others away.
[[nodiscard]] std::vector<std::string> subid_lines(const std::vector<IdBlock>& blocks);

}  // namespace warren::model
