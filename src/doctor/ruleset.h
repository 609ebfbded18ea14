// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// What a Ruleset holds. For the .cc files of this folder.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "doctor/evaluate.h"

namespace warren::doctor {

/// The member of an object; null when it is no object or has none.
[[nodiscard]] const Json* member(const Json& object, const char* key);
[[nodiscard]] const std::string* text_of(const Json* value);
/// An unsigned number, or a boolean as 0 or 1.
[[nodiscard]] std::optional<std::uint64_t> number_of(const Json* value);

struct Rule {
  std::uint64_t handle = 0;
  Json statements;  ///< an array
};

struct Ruleset::Content {
  bool readable = false;
  std::map<std::string, std::vector<Rule>> chains;
  std::map<std::string, Json> sets;  ///< elements of the sets and maps, an array each
};

/// The rule in the words of nft, as far as they are known, at most 120 characters.
[[nodiscard]] std::string rule_text(const Json& statements);

}  // namespace warren::doctor
