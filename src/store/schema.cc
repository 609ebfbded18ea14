// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/schema.h"

#include <fmt/format.h>

#include "store/copy.h"
#include "store/migrations.h"
#include "store/snapshot.h"

namespace warren::store {
namespace {

/// Foreign keys are not checked row by row while tables are made anew; the end of the migration checks them.
class WithoutForeignKeys {
 public:
  explicit WithoutForeignKeys(Database& db) : db_(&db) { db_->enforce_foreign_keys(false); }
  WithoutForeignKeys(const WithoutForeignKeys&) = delete;
  WithoutForeignKeys& operator=(const WithoutForeignKeys&) = delete;
  ~WithoutForeignKeys() { db_->enforce_foreign_keys(true); }

 private:
  Database* db_;
};

Result<bool> has_column(Database& db, const AddedColumn& added) {
  auto query = TRY(db.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = ?"));
  query.bind(std::string_view(added.table)).bind(std::string_view(added.column));
  return query.step();
}

Status run_migration(Database& db, const Migration& migration) {
  TRY(db.execute(migration.sql));
  for (const auto& added : migration.columns)
    if (!TRY(has_column(db, added))) TRY(db.execute(added.sql));
  return {};
}

/// Through a connection of its own: SQLite does not copy by one that is about to write.
Status keep_copy(const Database& db, const std::string& suffix) {
  const auto reader = TRY(Database::open(db.path(), Database::Mode::read));
  return copy_to_file(*reader, db.path() + suffix, true);
}

Status check_references(Database& db) {
  auto query = TRY(db.prepare("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1"));
  if (!TRY(query.step())) return {};
  return db.damaged(fmt::format("a {} of nothing", query.text(0)));
}

Status migrate_from(Database& db, std::int64_t version) {
  const auto from = version == 1 ? 0 : version;  // of version 1 tables may be missing: migrations.cc says why
  for (const auto& migration : migrations())
    if (migration.version > from) TRY(run_migration(db, migration));
  TRY(check_references(db));
  return db.execute(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kCurrentVersion)
          .c_str());
}

/// One transaction, so that a crash leaves the version before. The copy is made while no other process can
/// write.
Status migrate_in_one(Database& db) {
  const WithoutForeignKeys unchecked(db);
  TRY(db.execute("BEGIN IMMEDIATE"));
  const auto work = [&]() -> Status {
    const auto version = TRY(schema_version(db));
    if (version == kCurrentVersion) return {};
    if (version > 0) TRY(keep_copy(db, fmt::format(".v{}", version)));
    TRY(migrate_from(db, version));
    return db.execute("COMMIT");
  };
  auto done = work();
  if (db.in_transaction()) (void)db.execute("ROLLBACK");
  return done;
}

/// Makes or migrates the tables unless another process was quicker.
Status bring_up_to_date(Database& db) {
  const auto lock = TRY(db.lock_directory());
  const auto version = TRY(schema_version(db));
  if (version == kCurrentVersion) return {};
  TRY(db.execute("PRAGMA journal_mode = WAL"));
  auto done = migrate_in_one(db);
  if (!done && version > 0)
    return std::unexpected(std::move(done).error().wrap(fmt::format(
        "the store of an earlier warren (schema {}) could not be brought to schema {}, and stays as it was",
        version, kCurrentVersion)));
  TRY(std::move(done));
  db.checkpoint();  // once, so that the file alone, without its log, is a whole database
  return {};
}

}  // namespace

Status migrate_private(Database& db) {
  const WithoutForeignKeys unchecked(db);
  return migrate_from(db, TRY(schema_version(db)));
}

Result<std::int64_t> schema_version(Database& db) {
  const auto snapshot = TRY(Snapshot::begin(db));  // another process may be making it
  const auto version = TRY(db.number("PRAGMA user_version"));
  const auto application = TRY(db.number("PRAGMA application_id"));
  if (application == 0 && version == 0 && TRY(db.number("SELECT count(*) FROM sqlite_master")) == 0) return 0;
  if (application != kApplication)
    return fail(Code::failed, fmt::format("{} is another program's database: move it away", db.title()));
  if (version > kCurrentVersion)
    return fail(Code::failed, fmt::format("{} was written by a newer warren (schema {}, this one knows {}): "
                                          "upgrade warren",
                                          db.title(), version, kCurrentVersion));
  if (version < 1) return db.damaged(fmt::format("schema {}", version));
  return version;
}

Status prepare_schema(Database& db) {
  if (TRY(schema_version(db)) != kCurrentVersion) TRY(bring_up_to_date(db));
  return db.execute("PRAGMA journal_mode = WAL");  // each time: a restored copy may have come without
}

}  // namespace warren::store
