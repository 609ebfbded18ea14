// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>

namespace warren::store {

/// A column that is added where a table does not have it.
struct AddedColumn {
  const char* table;
  const char* column;
  const char* sql;
};

/// One step in the history of the tables. What has been released is never changed: a new table or column is a
/// new version at the end.
struct Migration {
  std::int64_t version;                  ///< of the store when it is done
  const char* sql;                       ///< from the version before it to this one
  std::span<const AddedColumn> columns;  ///< after `sql`
};

inline constexpr std::int64_t kCurrentVersion = 2;
inline constexpr std::int64_t kApplication = 0x7761726e;  // "warn", in the file's header

/// Every step, from an empty file to kCurrentVersion.
[[nodiscard]] std::span<const Migration> migrations();

}  // namespace warren::store
