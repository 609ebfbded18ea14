// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/transaction.h"

#include "store/database.h"

namespace warren::store {
namespace {

/// SQLite's log keeps what a commit wrote before it failed, its end too: whoever reads the log from its
/// beginning, as the first process after a pause does, would find there what nobody was told of. The next
/// commit is written in its place.
void overwrite_failed_commit(Database& db) {
  if (db.in_transaction()) (void)db.execute("ROLLBACK");
  (void)db.execute("BEGIN IMMEDIATE; UPDATE meta SET value = value + 1 WHERE key = 'revision'; COMMIT");
}

}  // namespace

Result<Transaction> Transaction::begin(Database& db) {
  TRY(TRY(db.prepare("BEGIN IMMEDIATE")).step());
  return Transaction(db);
}

Transaction::Transaction(Database& db) : db_(&db), changes_(db.total_changes()) {}

Transaction::~Transaction() {
  if (db_ && db_->in_transaction()) (void)db_->execute("ROLLBACK");
}

Status Transaction::commit() {
  if (db_->total_changes() != changes_)
    TRY(TRY(db_->prepare("UPDATE meta SET value = value + 1 WHERE key = 'revision'")).run());
  auto done = TRY(db_->prepare("COMMIT")).run();
  if (!done) overwrite_failed_commit(*db_);
  if (done) db_ = nullptr;
  return done;
}

}  // namespace warren::store
