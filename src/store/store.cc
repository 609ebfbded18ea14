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
#include "store/migrations.h"
#include "store/schema.h"
#include "store/services.h"
#include "store/snapshot.h"
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

/// The file of an earlier warren in memory, brought to the tables of this one.
Result<Store> Store::copied(std::unique_ptr<Database> file) {
  Store store(TRY(Database::open(file->path(), Database::Mode::memory)));
  const auto snapshot = TRY(Snapshot::begin(*file));
  store.copied_version_ = TRY(file->number("PRAGMA data_version"));
  TRY(file->copy_into(*store.db_));
  TRY(migrate_private(*store.db_));
  store.file_ = std::move(file);
  return store;
}

Result<Store> Store::open_read_only(const std::string& path) {
  struct stat file {};
  const bool missing = ::stat(path.c_str(), &file) != 0 && (errno == ENOENT || errno == ENOTDIR);
  if (!missing) {
    auto db = TRY(Database::open(path, Database::Mode::read));
    db->keep_log();
    const auto version = TRY(schema_version(*db));
    if (version == kCurrentVersion) return Store(std::move(db));
    if (version > 0) return copied(std::move(db));
  }
  auto empty = TRY(Database::open(path, Database::Mode::memory));
  TRY(migrate_private(*empty));
  return Store(std::move(empty));
}

bool Store::is_on_disk() const { return file_ || db_->mode() != Database::Mode::memory; }

Result<Transaction> Store::begin() { return Transaction::begin(*db_); }

Spaces Store::spaces() { return Spaces(*db_); }
Forwards Store::forwards() { return Forwards(*db_); }
Members Store::members() { return Members(*db_); }
Services Store::services() { return Services(*db_); }
Ids Store::ids() { return Ids(*db_); }
Devices Store::devices() { return Devices(*db_); }
Meta Store::meta() { return Meta(*db_); }

Result<std::int64_t> Store::revision() { return meta().revision(); }

/// What was copied is read again where its file has changed: it may have been migrated meanwhile.
Status Store::read_again() {
  const auto next = generation_ + 1;
  *this = TRY(open_read_only(std::string(file_->path())));
  generation_ = next;
  return {};
}

Result<std::int64_t> Store::data_version() {
  if (file_ && TRY(file_->number("PRAGMA data_version")) != copied_version_) TRY(read_again());
  // Each connection counts by itself, so those of another one are told apart by what stands above.
  constexpr int kBitsOfOne = 32;
  const auto version = file_ ? copied_version_ : TRY(db_->number("PRAGMA data_version"));
  return (generation_ << kBitsOfOne) + version;
}

}  // namespace warren::store
