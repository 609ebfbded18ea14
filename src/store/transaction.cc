// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/transaction.h"

#include "store/database.h"

namespace warren::store {

Result<Transaction> Transaction::begin(Database& db) {
  TRY(TRY(db.prepare("BEGIN IMMEDIATE")).run());
  return Transaction(db);
}

Transaction::~Transaction() {
  if (db_ && db_->in_transaction()) (void)db_->execute("ROLLBACK");
}

Status Transaction::commit() {
  auto done = TRY(db_->prepare("COMMIT")).run();
  if (done) db_ = nullptr;
  return done;
}

}  // namespace warren::store
