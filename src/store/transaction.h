// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"

namespace warren::store {

class Database;

/// A write transaction. Rolls back at scope end unless commit() succeeded. The Store must outlive it.
class Transaction {
 public:
  /// Waits up to 10 s for another writer. Transactions do not nest.
  [[nodiscard]] static Result<Transaction> begin(Database& db);
  Transaction(Transaction&& other) noexcept
      : db_(std::exchange(other.db_, nullptr)), changes_(other.changes_) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Where something was changed, the store's revision grows by one.
  /// On disk when this returns without error; nothing was changed when it returns one.
  [[nodiscard]] Status commit();

 private:
  explicit Transaction(Database& db);
  Database* db_;
  std::int64_t changes_;  // of its connection when it began
};

}  // namespace warren::store
