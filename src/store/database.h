// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "store/statement.h"

struct sqlite3;

namespace warren::store {

/// One connection, its prepared statements, and what its failures mean in words.
class Database {
 public:
  enum class Mode { write, read, memory };

  /// Opens the file (for writing: makes it, and its directory), without looking inside.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Held while the store is made: SQLite lets only one process at a time turn a database to WAL, and does
  /// not wait.
  [[nodiscard]] Result<UniqueFd> lock_directory() const;

  /// The statement for this text, which must be a literal: it is known by its address.
  [[nodiscard]] Result<Statement> prepare(const char* sql);
  /// Runs statements that give no rows and are run once: nothing is kept of them.
  [[nodiscard]] Status execute(const char* sql);
  /// The one number that a query gives.
  [[nodiscard]] Result<std::int64_t> number(const char* sql);

  /// Leaves the log (WAL) at close for the next process, and copies it into the file only when it has grown:
  /// most short processes then cost one sync.
  void keep_log();
  /// Copies the log into the file and empties it, unless somebody is reading it just now.
  void checkpoint();

  /// One line for the user from SQLite's result code: names the file and the remedy.
  [[nodiscard]] std::unexpected<Error> failure(int code) const;
  /// What the file holds cannot have been written by us.
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view detail) const;
  [[nodiscard]] Mode mode() const { return mode_; }
  /// "store PATH"
  [[nodiscard]] std::string title() const { return "store " + path_; }
  /// How many rows the last statement changed.
  [[nodiscard]] int changes() const;
  [[nodiscard]] bool in_transaction() const;

 private:
  Database(std::string path, Mode mode) : path_(std::move(path)), mode_(mode) {}

  [[nodiscard]] std::unexpected<Error> failed_file(int code) const;

  std::string path_;
  Mode mode_;
  sqlite3* handle_ = nullptr;
  std::vector<std::pair<const char*, sqlite3_stmt*>> statements_;
};

}  // namespace warren::store
