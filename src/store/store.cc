// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store.h"

#include <cerrno>
#include <sys/stat.h>

#include "store/database.h"
#include "store/devices.h"
#include "store/forwards.h"
#include "store/ids.h"
#include "store/members.h"
#include "store/meta.h"
#include "store/schema.h"
#include "store/services.h"
#include "store/spaces.h"

namespace warren::store {

Store::Store(std::unique_ptr<Database> db) : db_(std::move(db)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& path) {
  auto db = TRY(Database::open(path, Database::Mode::write));
  db->keep_log();
  TRY(db->execute("PRAGMA synchronous = FULL"));
  TRY(prepare_schema(*db));
  return Store(std::move(db));
}

Result<Store> Store::open_read_only(const std::string& path) {
  struct stat file {};
  const bool missing = ::stat(path.c_str(), &file) != 0 && (errno == ENOENT || errno == ENOTDIR);
  if (!missing) {
    auto db = TRY(Database::open(path, Database::Mode::read));
    db->keep_log();
    if (TRY(has_schema(*db))) return Store(std::move(db));
  }
  auto empty = TRY(Database::open(path, Database::Mode::memory));
  TRY(create_schema(*empty));
  return Store(std::move(empty));
}

bool Store::is_on_disk() const { return db_->mode() != Database::Mode::memory; }

Result<Transaction> Store::begin() { return Transaction::begin(*db_); }

Spaces Store::spaces() { return Spaces(*db_); }
Forwards Store::forwards() { return Forwards(*db_); }
Members Store::members() { return Members(*db_); }
Services Store::services() { return Services(*db_); }
Ids Store::ids() { return Ids(*db_); }
Devices Store::devices() { return Devices(*db_); }
Meta Store::meta() { return Meta(*db_); }

Result<std::int64_t> Store::data_version() { return db_->number("PRAGMA data_version"); }

}  // namespace warren::store
