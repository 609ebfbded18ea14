// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "store/database.h"

namespace warren::store {

/// Makes the tables where there are none, after checking that the file is ours and not of a newer warren.
[[nodiscard]] Status prepare_schema(Database& db);

/// For reading: false, when nothing has been written to the file yet.
[[nodiscard]] Result<bool> has_schema(Database& db);

/// The tables of an empty store, for one in memory.
[[nodiscard]] Status create_schema(Database& db);

}  // namespace warren::store
