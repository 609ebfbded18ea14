// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/database.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

namespace warren::store {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyMilliseconds = 10'000;
// Each process that opens the store reads its log: 1.4 us a page. A checkpoint costs two syncs. An `add`
// writes 7.
constexpr int kLogPages = 128;

fs::path directory_of(const std::string& path) {
  const auto parent = fs::path(path).parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

Status make_directory(const fs::path& directory, const std::string& title) {
  std::error_code ignored;  // the mkdir says it better
  fs::create_directories(directory.parent_path(), ignored);
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  const int sys = errno;
  if (fs::is_directory(directory, ignored)) return {};  // a read-only file system minds even so
  return fail_errno(sys, title + ": cannot make its directory");
}

/// Makes directory and file with modes of our choice; SQLite gives its log the mode of the file. A file that
/// is there is not opened: to close it again would drop the locks that this process holds on it through
/// another Store.
Status make_file(const std::string& path, const std::string& title) {
  TRY(make_directory(directory_of(path), title));
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  std::error_code ignored;
  if (made.valid()) return {};
  if (errno != EEXIST) return fail_errno(errno, title + ": cannot be made");
  if (fs::is_directory(path, ignored))
    return std::unexpected(Error{Code::failed, EISDIR, title + " is a directory: move it away"});
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return {};
  return fail_errno(errno, title + ": cannot be opened for writing");
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  std::unique_ptr<Database> db(new Database(path, mode));
  if (mode == Mode::write) TRY(make_file(path, db->title()));
  const int access = mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int memory = mode == Mode::memory ? SQLITE_OPEN_MEMORY : 0;
  const int code = sqlite3_open_v2(mode == Mode::memory ? ":memory:" : path.c_str(), &db->handle_,
                                   access | memory | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return db->failure(code);
  sqlite3_busy_timeout(db->handle_, kBusyMilliseconds);
  sqlite3_db_config(db->handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(db->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return db;
}

namespace {

/// Has something been written to the log since it was last copied into the file? Also true where the clock is
/// too coarse to say.
bool log_is_newer(const std::string& path) {
  struct stat file {
  }, log{};
  if (::stat(path.c_str(), &file) != 0 || ::stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0)
    return false;
  return std::tie(log.st_mtim.tv_sec, log.st_mtim.tv_nsec) >=
         std::tie(file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

/// A reader may be the last to close, after a writer that left the log to it.
void copy_log_of(const std::string& path) {
  if (!log_is_newer(path) || ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) return;
  auto db = Database::open(path, Database::Mode::write);
  if (!db) return;
  (*db)->keep_log();
  (void)(*db)->number("SELECT count(*) FROM sqlite_master");  // the log is only looked for when needed
}

}  // namespace

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  // What the close copies need not be synced: the log, which was, stays until checkpoint() empties it, and
  // whoever opens the store next reads it again.
  if (keeps_log_ && mode_ == Mode::write)
    sqlite3_exec(handle_, "PRAGMA synchronous = OFF", nullptr, nullptr, nullptr);
  sqlite3_close(handle_);
  if (keeps_log_ && mode_ == Mode::read) copy_log_of(path_);
}

void Database::keep_log() {
  int on = 1;
  keeps_log_ = true;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
  if (mode_ == Mode::read) sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  const auto committed = [](void* self, sqlite3*, const char*, int pages) {
    if (pages >= kLogPages) static_cast<Database*>(self)->checkpoint();
    return SQLITE_OK;  // the commit stands, whatever became of the checkpoint
  };
  sqlite3_wal_hook(handle_, committed, this);
}

void Database::checkpoint() {
  // SQLite's own automatic checkpoint would not do: it empties the log only while one process goes on
  // writing, and the first process of the next use takes the whole of it for news.
  sqlite3_busy_timeout(handle_, 0);
  sqlite3_wal_checkpoint_v2(handle_, "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
}

Result<UniqueFd> Database::lock_directory() const {
  UniqueFd fd(::open(directory_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (fd.valid() && ::flock(fd.get(), LOCK_EX) != 0)
    if (errno != EINTR) fd.reset();
  if (!fd.valid()) return fail_errno(errno, title() + ": cannot lock its directory");
  return fd;
}

Result<Statement> Database::prepare(const char* sql) {
  for (const auto& [text, statement] : statements_)
    if (text == sql) return Statement(*this, statement);
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (code != SQLITE_OK) return failure(code);
  statements_.emplace_back(sql, made);
  return Statement(*this, made);
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

Result<std::int64_t> Database::number(const char* sql) {
  auto query = TRY(prepare(sql));
  if (!TRY(query.step())) return damaged(sql);
  return query.number(0);
}

void Database::enforce_foreign_keys(bool on) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_FKEY, on ? 1 : 0, nullptr);
}

Status Database::copy_into(Database& to) {
  auto* copy = sqlite3_backup_init(to.handle_, "main", handle_, "main");
  if (!copy) return to.failure(sqlite3_extended_errcode(to.handle_));
  (void)sqlite3_backup_step(copy, -1);  // finish() gives its failure, too
  const int code = sqlite3_backup_finish(copy);
  if (code == SQLITE_OK) return {};
  return (code & 0xff) == SQLITE_CORRUPT ? failure(code) : to.failure(code);
}

std::unexpected<Error> Database::failure(int code) const {
  const auto say = [&](Code kind, std::string_view what) {
    return fail(kind, fmt::format("{}: {}", title(), what));
  };
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(sqlite3_errstr(code));
    case SQLITE_FULL:
      return say(Code::failed, "the disk is full; nothing was changed: free some space");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_IOERR:
      return failed_file(code);
    case SQLITE_BUSY:
      return say(Code::failed, fmt::format("another process has held it for {} s: see who with fuser(1)",
                                           kBusyMilliseconds / 1000));
    case SQLITE_CONSTRAINT:
      return say(code == SQLITE_CONSTRAINT_FOREIGNKEY ? Code::not_found : Code::exists,
                 sqlite3_errmsg(handle_));
    case SQLITE_NOMEM:
      return say(Code::failed, "out of memory");
    default:
      return failed_statement(code);
  }
}

/// Our statements are right for the tables of our version.
std::unexpected<Error> Database::failed_statement(int code) const {
  const std::string what = handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  if (what.starts_with("no such ") || what.find(" has no column ") != std::string::npos) return damaged(what);
  return fail(Code::failed, fmt::format("{}: {}", title(), what));
}

/// A failure that comes from the file system.
std::unexpected<Error> Database::failed_file(int code) const {
  const int sys = handle_ ? sqlite3_system_errno(handle_) : 0;
  if (sys == ENOSPC || sys == EDQUOT) return failure(SQLITE_FULL);
  if ((code & 0xff) == SQLITE_READONLY || sys == EROFS)
    return fail(Code::failed,
                title() + ": it cannot be written; nothing was changed: is its file system read-only?");
  const auto what = fmt::format("{}: {}", title(), sqlite3_errstr(code));
  return sys != 0 ? fail_errno(sys, what) : fail(Code::failed, what);
}

std::unexpected<Error> Database::damaged(std::string_view detail) const {
  return fail(Code::failed,
              fmt::format("{} is damaged ({}): move {}* away and `warren apply` your last export", title(),
                          detail, path_));
}

void Database::note_changes() { changes_ = sqlite3_changes(handle_); }
std::int64_t Database::total_changes() const { return sqlite3_total_changes(handle_); }

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

}  // namespace warren::store
