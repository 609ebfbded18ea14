// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "host/kernel.h"
#include "nft/table.h"
#include "types/element.h"

namespace warren::host {

/// Do the rules stand as we put them? Told from what the kernel listed right after we did, kept in
/// the place of the kernel.
struct TableState {
  bool stands = false;
  bool rules_right = false;
};
[[nodiscard]] Result<TableState> look_at_table(Kernel& kernel, const nft::Rules& rules);
/// The cheap form: was the table that stands made from these rules? A rule changed behind our back is not
/// seen.
enum class TableAge : std::uint8_t { none, stale, current };
[[nodiscard]] Result<TableAge> age_of_table(Kernel& kernel, const nft::Rules& rules);

/// Does it stand at all?
[[nodiscard]] Result<bool> has_table(Kernel& kernel);

/// Makes the table anew with these elements, in one transaction.
[[nodiscard]] Status replace_table(Kernel& kernel, const nft::Rules& rules,
                                   const std::vector<Element>& elements);
[[nodiscard]] Status remove_table(Kernel& kernel);
/// Removes and adds elements, in one transaction.
[[nodiscard]] Status change_elements(Kernel& kernel, const std::vector<Element>& remove,
                                     const std::vector<Element>& add);

/// An element with what it counted: connections, for a forward.
struct CountedElement {
  Element element;
  std::uint64_t packets = 0;
};
/// All elements of our sets, sorted. Nothing where there is no table.
[[nodiscard]] Result<std::vector<Element>> read_elements(Kernel& kernel);
[[nodiscard]] Result<std::vector<CountedElement>> read_counted(Kernel& kernel, SetId set, Family family);

/// Those of these elements that stand, and what they counted. Costs the same whatever else there is: for a
/// few spaces; for all, read_counted() costs less.
[[nodiscard]] Result<std::vector<CountedElement>> find_counted(Kernel& kernel,
                                                               const std::vector<Element>& elements);

/// Packets that were refused, by the interface of the space they came from or were for.
struct Refused {
  std::string interface;
  std::uint64_t packets = 0;
};
/// `set`: "spoofed", "denied_host", "unpublished" or "over_limit".
[[nodiscard]] Result<std::vector<Refused>> read_refused(Kernel& kernel, const std::string& set);
/// The same of these interfaces only, at a cost that does not depend on how many others were refused.
[[nodiscard]] Result<std::vector<Refused>> find_refused(Kernel& kernel, const std::string& set,
                                                        const std::vector<IfName>& interfaces);

}  // namespace warren::host
