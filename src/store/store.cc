// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/store.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/stat.h>

#include "store/database.h"
#include "store/schema.h"

namespace warren::store {
namespace {

Status set_last_number(Database& db, SpaceNumber number) {
  auto update = TRY(db.prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('last_number', ?)"));
  return update.bind(number).run();
}

Result<SpaceNumber> last_number(Database& db) {
  auto query = TRY(db.prepare("SELECT value FROM meta WHERE key = 'last_number'"));
  if (!TRY(query.step())) return kHostNumber;
  const auto number = query.number(0);
  if (number < kHostNumber || number > kLastNumber) return db.damaged("an impossible last number");
  return static_cast<SpaceNumber>(number);
}

}  // namespace

Transaction::~Transaction() {
  if (db_ && db_->in_transaction()) (void)db_->execute("ROLLBACK");
}

Status Transaction::commit() {
  auto done = TRY(db_->prepare("COMMIT")).run();
  if (done) db_ = nullptr;
  return done;
}

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

Result<Transaction> Store::begin() {
  TRY(TRY(db_->prepare("BEGIN IMMEDIATE")).run());
  return Transaction(*db_);
}

Result<std::optional<Cidr>> Store::ula() {
  auto query = TRY(db_->prepare("SELECT value FROM meta WHERE key = 'ula'"));
  if (!TRY(query.step())) return std::nullopt;
  const auto ula = Cidr::parse(query.text(0));
  if (!ula) return db_->damaged("an impossible ULA");
  return *ula;
}

Status Store::set_ula(const Cidr& ula) {
  const auto text = ula.str();
  auto update = TRY(db_->prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('ula', ?)"));
  return update.bind(text).run();
}

Result<std::int64_t> Store::data_version() { return db_->number("PRAGMA data_version"); }

Result<std::optional<SpaceName>> Store::address_owner(const AddressesOf& addresses_of, SpaceNumber number) {
  const auto [ip4, ip6] = addresses_of(number);
  if (auto owner = TRY(owner_of(ip4))) return owner;
  return ip6 ? owner_of(*ip6) : std::optional<SpaceName>();
}

/// The lowest number from `from` to `to` that no space has, and whose addresses none has.
Result<std::optional<SpaceNumber>> Store::first_free(SpaceNumber from, SpaceNumber to,
                                                     const AddressesOf& addresses_of) {
  auto taken = TRY(db_->prepare("SELECT number FROM space WHERE number BETWEEN ? AND ? ORDER BY number"));
  taken.bind(from).bind(to);
  bool more = TRY(taken.step());
  for (unsigned n = from; n <= to; ++n) {
    if (more && taken.number(0) == n) {
      more = TRY(taken.step());
      continue;
    }
    const auto number = static_cast<SpaceNumber>(n);
    if (!TRY(address_owner(addresses_of, number))) return number;
  }
  return std::nullopt;
}

Result<SpaceNumber> Store::allocate(SpaceNumber last, const AddressesOf& addresses_of) {
  const auto given = std::min(TRY(last_number(*db_)), last);
  auto number = TRY(first_free(static_cast<SpaceNumber>(given + 1), last, addresses_of));
  if (!number) number = TRY(first_free(kFirstNumber, given, addresses_of));
  if (!number)
    return fail(Code::failed,
                fmt::format("all {} numbers of the pool are taken: remove spaces or widen `pool`",
                            last - kHostNumber));
  TRY(set_last_number(*db_, *number));
  return *number;
}

}  // namespace warren::store
