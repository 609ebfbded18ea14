// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "store/transaction.h"

namespace warren::store {

class Database;
class Spaces;
class Forwards;
class Members;
class Services;
class Ids;
class Devices;
class Meta;

/// The desired state: one SQLite database. Several processes may have it open; each write waits its turn.
/// Every method may fail with one line that names the file and the remedy.
class Store {
 public:
  /// Opens the store for reading and writing; makes it (directory 0700, file 0600) where there is none. One
  /// that an earlier warren made is brought to this one's tables; a copy of it as it was is kept beside it.
  [[nodiscard]] static Result<Store> open(const std::string& path);
  /// Opens it for commands that only read, changing nothing on disk. A missing file is an empty store; one
  /// that an earlier warren made is read as it would be after open().
  [[nodiscard]] static Result<Store> open_read_only(const std::string& path);

  /// False for an empty one that stands for a file that is missing, or that is no store yet.
  [[nodiscard]] bool is_on_disk() const;

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Waits up to 10 s for another writer. Transactions do not nest.
  [[nodiscard]] Result<Transaction> begin();

  /// The tables: light values, each of which the store must outlive. Their headers say what they do.
  [[nodiscard]] Spaces spaces();
  [[nodiscard]] Forwards forwards();
  [[nodiscard]] Members members();
  [[nodiscard]] Services services();
  [[nodiscard]] Ids ids();
  [[nodiscard]] Devices devices();
  [[nodiscard]] Meta meta();

  /// Grows by one with each commit that changed something. An empty store has 0.
  [[nodiscard]] Result<std::int64_t> revision();
  /// Changes whenever another connection has committed something.
  [[nodiscard]] Result<std::int64_t> data_version();

 private:
  explicit Store(std::unique_ptr<Database> db);
  [[nodiscard]] static Result<Store> copied(std::unique_ptr<Database> file);
  [[nodiscard]] Status read_again();

  std::unique_ptr<Database> db_;
  std::unique_ptr<Database> file_;   // where db_ is a copy in memory: of this, as it was
  std::int64_t copied_version_ = 0;  // and that is how old it is
  std::int64_t generation_ = 0;      // how often it was read again
};

}  // namespace warren::store
