// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/statement.h"

#include <sqlite3.h>
#include <utility>

#include "store/database.h"
#include "store/transaction.h"

namespace warren::store {

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_),
      error_(other.error_) {}

Statement::~Statement() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  if (bound_ > 0) sqlite3_clear_bindings(statement_);  // what was bound may end before the statement does
}

Statement& Statement::bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(statement_, ++bound_, number);
  if (error_ == SQLITE_OK) error_ = code;
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // A view without any text behind it would be taken for NULL.
  const char* data = text.data() ? text.data() : "";
  const int code =
      sqlite3_bind_text(statement_, ++bound_, data, static_cast<int>(text.size()), SQLITE_STATIC);
  if (error_ == SQLITE_OK) error_ = code;
  return *this;
}

Statement& Statement::bind(const Ip& ip) {
  const int code =
      sqlite3_bind_blob(statement_, ++bound_, ip.data(), static_cast<int>(ip.size()), SQLITE_STATIC);
  if (error_ == SQLITE_OK) error_ = code;
  return *this;
}

Statement& Statement::bind_null() {
  ++bound_;  // unbound is NULL
  return *this;
}

Statement& Statement::bind_empty() {
  const int code = sqlite3_bind_zeroblob(statement_, ++bound_, 0);
  if (error_ == SQLITE_OK) error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  const int code = error_ != SQLITE_OK ? error_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return db_->failure(code);
}

Status Statement::run() {
  std::optional<Transaction> own;
  const bool changes = sqlite3_stmt_readonly(statement_) == 0;
  if (changes && !db_->in_transaction()) own.emplace(TRY(Transaction::begin(*db_)));
  TRY(step());
  if (changes) db_->note_changes();
  return own ? own->commit() : Status();
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text ? std::string_view(text, static_cast<std::size_t>(length(column))) : std::string_view();
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::optional<Ip> Statement::ip(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (!bytes) return std::nullopt;
  if (length(column) == 4) return Ip::from_bytes(bytes, Family::v4);
  if (length(column) == 16) return Ip::from_bytes(bytes, Family::v6);
  return std::nullopt;
}

int Statement::length(int column) const { return sqlite3_column_bytes(statement_, column); }

}  // namespace warren::store
