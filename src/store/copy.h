// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "store/database.h"

namespace warren::store {

/// Writes all that the database holds to a file (mode 0600) that needs no other file beside it. The file is
/// whole and on disk when this returns without an error; after an error there is no new one. Error: exists,
/// where one of that name is there that is not to be replaced.
[[nodiscard]] Status copy_to_file(Database& db, const std::string& path, bool replace);

/// An empty file (mode 0600), so that nobody else can open what is written to it. One of that name goes.
[[nodiscard]] Status make_private(const std::string& path);

}  // namespace warren::store
