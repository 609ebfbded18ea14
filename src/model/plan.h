// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/space.h"
#include "types/element.h"

namespace warren::model {

/// What is so, or must be so, of one thing that belongs to a space: a set of aspects, each a bit. What a bit
/// means is the business of the thing's kind (kinds/*/aspects.h); here sets are only compared.
struct Fact {
  std::uint32_t space = 0;    ///< its place in Desired::spaces
  std::uint8_t kind = 0;      ///< its place in the table of kinds (engine/kinds.h)
  std::uint8_t item = 0;      ///< which of the space's things of this kind; 0 where there is but one
  std::uint32_t aspects = 0;  ///< wanted, without any: the thing is to go
  bool pending = false;  ///< wanted: it is in the store to go, so it is dropped even if nothing of it is seen

  bool operator==(const Fact&) const = default;
};
/// Sorted by space, kind and item.
using Facts = std::vector<Fact>;

/// The parts of the host itself on which all spaces depend.
enum class HostPart : std::uint8_t { gateway4, gateway6, pool_route4, pool_route6 };

/// A kernel setting of the host that must have a value.
struct SysctlChange {
  std::string key;
  int from = 0;
  int to = 0;
  bool operator==(const SysctlChange&) const = default;
};

/// What the kernel has, or what it would have if all that is desired stood.
struct Observed {
  Facts facts;
  std::vector<std::string> stray_links;  ///< in our link groups, but of no space
  std::vector<HostPart> host_missing;
  std::vector<SysctlChange> sysctls;  ///< those that have another value
  bool table = false;                 ///< our nft table stands
  bool rules_right = false;           ///< ... with the rules that the settings ask for
  std::vector<Element> elements;      ///< sorted
};

/// One thing to be done, by the kind that it is of.
struct Step {
  enum class Action : std::uint8_t { put, drop };
  Action action = Action::put;
  std::uint8_t kind = 0;
  std::uint8_t item = 0;
  const Space* space = nullptr;  ///< in Desired
  std::uint32_t missing = 0;     ///< aspects to be put right
  std::uint32_t seen = 0;        ///< aspects that are there
};

/// The steps from observed to desired. In which order they run, engine/perform.h says.
struct Plan {
  std::vector<Element> remove;  ///< what must not be reachable any more
  std::vector<std::string> stray_links;
  std::vector<HostPart> host;
  std::vector<SysctlChange> sysctls;
  bool table_missing = false;
  bool new_rules = false;     ///< the table is made anew, with all elements
  bool remove_table = false;  ///< nothing is left that needs it
  std::vector<Step> steps;
  std::vector<Element> add;  ///< what is whole may be reached

  [[nodiscard]] bool empty() const;
};

/// Is there anything for which the host must be prepared: a space that is up, or members who are confined?
[[nodiscard]] bool is_serving(const Desired& desired);
/// All elements that the table is to have for these spaces; sorted, each once.
[[nodiscard]] std::vector<Element> wanted_elements(const Desired& desired);
/// Pure: the same input gives the same plan. `wanted`: what must be so of each thing of the spaces.
[[nodiscard]] Plan difference(const Desired& desired, const Facts& wanted, const Observed& observed);

}  // namespace warren::model
