// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <utility>

#include "store/database.h"

namespace warren::store {

/// A read that sees one state of the store, however many statements it takes.
class Snapshot {
 public:
  [[nodiscard]] static Result<Snapshot> begin(Database& db) {
    if (db.in_transaction()) return Snapshot(nullptr);
    TRY(TRY(db.prepare("BEGIN")).run());
    return Snapshot(&db);
  }
  Snapshot(Snapshot&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot() {
    if (!db_) return;
    if (auto end = db_->prepare("COMMIT")) (void)end->run();  // of a read: nothing to lose
  }

 private:
  explicit Snapshot(Database* db) : db_(db) {}
  Database* db_;
};

}  // namespace warren::store
