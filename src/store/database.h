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

  /// Keeps the log (WAL) for the next process, and empties it only when it has grown: most short processes
  /// then cost one sync. The last connection to close copies the log into the file as well, without any sync,
  /// so that a copy of the file alone is whole while nothing runs.
  void keep_log();
  /// Copies the log into the file and empties it, unless somebody is reading it just now.
  void checkpoint();

  /// On at first.
  void enforce_foreign_keys(bool on);
  /// Puts all that this database holds, as of now, in the place of all that `to` holds, in one transaction of
  /// `to`. Who reads either of them meanwhile goes on.
  [[nodiscard]] Status copy_into(Database& to);

  /// One line for the user from SQLite's result code: names the file and the remedy.
  [[nodiscard]] std::unexpected<Error> failure(int code) const;
  /// What the file holds cannot have been written by us.
  [[nodiscard]] std::unexpected<Error> damaged(std::string_view detail) const;
  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// "store PATH"
  [[nodiscard]] std::string title() const { return "store " + path_; }
  /// How many rows the last Statement::run() changed.
  [[nodiscard]] int changes() const { return changes_; }
  /// For Statement::run(): what it counts is kept while the commit changes other rows.
  void note_changes();
  /// How many rows all statements of this connection have changed.
  [[nodiscard]] std::int64_t total_changes() const;
  [[nodiscard]] bool in_transaction() const;

 private:
  Database(std::string path, Mode mode) : path_(std::move(path)), mode_(mode) {}

  [[nodiscard]] std::unexpected<Error> failed_file(int code) const;
  [[nodiscard]] std::unexpected<Error> failed_statement(int code) const;

  std::string path_;
  Mode mode_;
  sqlite3* handle_ = nullptr;
  bool keeps_log_ = false;
  int changes_ = 0;
  std::vector<std::pair<const char*, sqlite3_stmt*>> statements_;
};

}  // namespace warren::store
