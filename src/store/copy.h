// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "store/database.h"

namespace warren::store {

/// Writes all that the database holds to a file (mode 0600) that needs no other file beside it. The file is
/// there, whole and on disk, when this returns without an error, in the place of any of that name; after an
/// error there is no new one.
[[nodiscard]] Status copy_to_file(Database& db, const std::string& path);

}  // namespace warren::store
