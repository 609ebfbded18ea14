// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/database.h"

namespace warren::store {

/// Makes the tables where there are none, and brings those of an earlier warren to this one's, after keeping
/// a copy of the file beside it: warren.db.v1. Error: the file is not ours, or a newer warren wrote it; then
/// nothing was changed.
[[nodiscard]] Status prepare_schema(Database& db);

/// The version of a store's tables, for reading: 0, when nothing has been written to the file yet. Error: the
/// file is not ours, or a newer warren wrote it.
[[nodiscard]] Result<std::int64_t> schema_version(Database& db);

/// The same for a database that nobody else sees, in memory or in a file. Keeps no copy.
[[nodiscard]] Status migrate_private(Database& db);

}  // namespace warren::store
