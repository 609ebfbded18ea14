// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/id_block.h"

namespace warren::model {

/// The text of /etc/subuid or /etc/subgid, in three parts: what is ours stands between two marks.
struct SubidFile {
  std::string before;
  std::optional<std::string> section;  ///< the lines between the marks; nothing where there are no marks
  std::string after;

  /// Error: failed, naming the line of a mark that has no other.
  [[nodiscard]] static Result<SubidFile> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  /// Who uses IDs by what is not ours. Lines that shadow would not understand are left out.
  [[nodiscard]] std::vector<IdUse> uses(std::string_view path) const;
};

/// The section that says what the blocks are: NAME:FIRST:COUNT lines. Those in quarantine are nobody's, and
/// stand there to keep others away.
[[nodiscard]] std::string subid_section(const std::vector<IdBlock>& blocks);

}  // namespace warren::model
