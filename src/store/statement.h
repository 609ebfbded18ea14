// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "types/ip.h"

struct sqlite3_stmt;

namespace warren::store {

class Database;

/// One use of a prepared statement that the database keeps: bind in order, then step or run. Rests at scope
/// end. What a failed bind or step means is said by the database, in words for the user.
class Statement {
 public:
  Statement(Database& db, sqlite3_stmt* statement) : db_(&db), statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(std::int64_t number);
  /// The text must outlive the statement's use.
  Statement& bind(std::string_view text);
  /// 4 or 16 bytes. The address must outlive the statement's use.
  Statement& bind(const Ip& ip);
  Statement& bind_null();
  /// An empty blob: any host address.
  Statement& bind_empty();

  /// True: there is a row to read. Not to be called again after false.
  [[nodiscard]] Result<bool> step();
  /// Runs to the end a statement that gives no rows, in a transaction of its own where there is none.
  [[nodiscard]] Status run();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Nothing, when it is not 4 or 16 bytes long.
  [[nodiscard]] std::optional<Ip> ip(int column) const;
  /// Length of a blob or text.
  [[nodiscard]] int length(int column) const;

 private:
  Database* db_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
  int error_ = 0;  // of the first bind that failed
};

}  // namespace warren::store
