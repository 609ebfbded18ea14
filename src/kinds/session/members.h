// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "kinds/operation.h"

namespace warren::session {

/// Says whose sessions land in the space. Refuses: not_found; exists, naming the space whose member one is.
[[nodiscard]] kinds::Operation add_members(const SpaceName& space, std::vector<model::Member> members);
/// Refuses: not_found.
[[nodiscard]] kinds::Operation remove_members(const SpaceName& space, std::vector<model::Member> members);

/// Where he himself is a member, or one of his groups, or the space that is called as he is: in this order,
/// as pam_warren looks too. Nothing where he has none.
[[nodiscard]] Result<std::optional<SpaceName>> space_of_user(store::Store& store, const UserName& user);

}  // namespace warren::session
