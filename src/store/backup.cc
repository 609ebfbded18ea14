// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/backup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "store/copy.h"
#include "store/ids.h"
#include "store/members.h"
#include "store/meta.h"
#include "store/migrations.h"
#include "store/schema.h"
#include "store/services.h"
#include "store/spaces.h"

namespace warren::store {
namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};

std::unexpected<Error> refuse(std::string what) { return fail(Code::usage, std::move(what)); }

bool is_same(const struct stat& one, const std::string& path) {
  struct stat other {};
  return ::stat(path.c_str(), &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Status check_target(const std::string& store, const std::string& file, bool replace) {
  struct stat there {};
  if (::lstat(file.c_str(), &there) != 0) return {};  // where it cannot be made, the attempt says why
  if (!replace)
    return fail(Code::exists, fmt::format("{} exists already: give another name, or --force", file));
  if (!S_ISREG(there.st_mode)) return refuse(fmt::format("{} is no regular file: give another name", file));
  if (is_same(there, store)) return refuse(fmt::format("{} is the store itself: give another name", file));
  return {};
}

/// A file of ours beside the store, gone with what SQLite puts beside it at scope end.
class Scratch {
 public:
  explicit Scratch(const std::string& store) : path_(fmt::format("{}.restore-{}", store, ::getpid())) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    for (const auto* end : {"", "-wal", "-shm", "-journal"}) ::unlink((path_ + end).c_str());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unexpected<Error> no_store(const std::string& file, std::string_view detail) {
  return refuse(fmt::format(
      "{} is no store of warren, or is damaged ({}): give a file that `warren backup` wrote", file, detail));
}

/// The bytes alone, so that nothing is made or changed beside the file of the user.
Status copy_bytes(const std::string& file, const std::string& store, const std::string& to) {
  struct stat there {};
  if (::stat(file.c_str(), &there) != 0) return fail_errno(errno, file);
  if (!S_ISREG(there.st_mode)) return refuse(fmt::format("{} is no regular file", file));
  if (is_same(there, store)) return refuse(fmt::format("{} is the store itself: give another file", file));
  std::ifstream in(file, std::ios::binary);
  std::array<char, 16> head{};
  if (!in) return fail_errno(errno, file);
  in.read(head.data(), head.size());
  if (std::string_view(head.data(), static_cast<std::size_t>(in.gcount())) != kMagic)
    return no_store(file, "file is not a database");
  in.seekg(0);
  TRY(make_private(to));
  std::ofstream out(to, std::ios::binary);
  if (out << in.rdbuf() && out.flush()) return {};
  return fail_errno(errno != 0 ? errno : EIO, to + " cannot be written");
}

Status check_whole(Database& db, const std::string& file) {
  auto query = TRY(db.prepare("SELECT integrity_check FROM pragma_integrity_check(1)"));
  if (!TRY(query.step())) return no_store(file, "it cannot be checked");
  if (query.text(0) != "ok") return no_store(file, query.text(0));
  return {};
}

/// Reads all of it, as every command after this one will.
Result<std::size_t> read_all(Database& db) {
  const auto spaces = TRY(Spaces(db).all()).size();
  TRY(Members(db).all());
  TRY(Services(db).all());
  TRY(Ids(db).blocks());
  TRY(Ids(db).maps());
  TRY(Ids(db).uses());
  TRY(Meta(db).ula());
  return spaces;
}

/// The version of a store that a newer warren wrote.
Result<std::optional<std::int64_t>> newer_version(Database& db) {
  if (TRY(db.number("PRAGMA application_id")) != kApplication) return std::nullopt;
  const auto version = TRY(db.number("PRAGMA user_version"));
  return version > kCurrentVersion ? std::optional(version) : std::nullopt;
}

/// Checks what was copied and brings it to the tables of this warren. Gives how many spaces there are.
Result<std::size_t> make_ready(Database& db, const std::string& file) {
  const auto work = [&]() -> Result<std::size_t> {
    if (const auto newer = TRY(newer_version(db)))
      return refuse(
          fmt::format("{} was written by a newer warren (schema {}, this one knows {}): upgrade warren", file,
                      *newer, kCurrentVersion));
    if (TRY(schema_version(db)) == 0) return no_store(file, "nothing is in it");
    TRY(check_whole(db, file));
    TRY(migrate_private(db));
    return read_all(db);
  };
  auto spaces = work();
  if (!spaces && spaces.error().code != Code::usage) return no_store(file, spaces.error().what);
  return spaces;
}

/// Takes over, as being removed, a space that is up and that the backup does not have.
Status take_over(Database& from, Database& to, model::Space space, const std::string& file) {
  auto row = TRY(from.prepare("SELECT ip4, ip6 FROM space WHERE number = ?"));
  row.bind(space.number);
  if (!TRY(row.step()) || !row.ip(0)) return from.damaged("a space without an address");
  space.state = model::State::removing;
  space.forwards.clear();
  auto done = Spaces(to).insert(space, *row.ip(0), row.ip(1));
  if (done || done.error().code != Code::exists) return done;
  return fail(Code::exists, fmt::format("space {0} is not in {1}, where its {2}: `warren rm {0}` first",
                                        space.name.str(), file, done.error().what));
}

Result<std::vector<SpaceName>> take_over_rest(Database& from, Database& to, const std::string& file) {
  std::vector<SpaceName> leaving;
  for (auto& space : TRY(Spaces(from).all())) {
    if (space.state == model::State::down || TRY(Spaces(to).find(space.name))) continue;
    leaving.push_back(space.name);
    TRY(take_over(from, to, std::move(space), file));
  }
  return leaving;
}

/// The revision and the number given last never fall, whatever is restored.
Status carry_on(Database& from, Database& to) {
  const auto revision = std::max(TRY(Meta(from).revision()), TRY(Meta(to).revision()));
  TRY(Meta(to).set_revision(revision + 1));
  const auto number = std::max(TRY(Meta(from).last_number()), TRY(Meta(to).last_number()));
  return Meta(to).set_last_number(number);
}

}  // namespace

Status back_up(const std::string& store, const std::string& file, bool replace) {
  TRY(check_target(store, file, replace));
  struct stat there {};
  const auto nothing = [&] {
    return fail(Code::not_found, "there is no store " + store + " yet: nothing to back up");
  };
  if (::stat(store.c_str(), &there) != 0 && (errno == ENOENT || errno == ENOTDIR)) return nothing();
  auto db = TRY(Database::open(store, Database::Mode::read));
  db->keep_log();
  if (TRY(schema_version(*db)) == 0) return nothing();
  return copy_to_file(*db, file, replace);
}

Result<Restored> restore(const std::string& store, const std::string& file) {
  struct stat there {};
  const bool was_there = ::stat(store.c_str(), &there) == 0;
  auto live = TRY(Database::open(store, Database::Mode::write));
  live->keep_log();
  TRY(live->execute("PRAGMA synchronous = FULL"));
  TRY(prepare_schema(*live));
  const Scratch scratch(store);
  TRY(copy_bytes(file, store, scratch.path()));
  Restored restored;
  {
    auto wanted = TRY(Database::open(scratch.path(), Database::Mode::write));
    restored.spaces = TRY(make_ready(*wanted, file));
    restored.leaving = TRY(take_over_rest(*live, *wanted, file));
    if (was_there) {
      restored.before = store + ".before-restore";
      TRY(copy_to_file(*live, restored.before, true));
    }
    TRY(carry_on(*live, *wanted));
    TRY(wanted->copy_into(*live));
  }
  live->checkpoint();
  return restored;
}

}  // namespace warren::store
