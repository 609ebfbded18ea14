// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/schema.h"

#include <fmt/format.h>

#include "store/snapshot.h"

namespace warren::store {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kApplication = 0x7761726e;  // "warn", in the file's header and in the text below

// Addresses are blobs of 4 or 16 bytes. space.ip4 and ip6 are what the space really has, so that UNIQUE keeps
// apart what was given by hand and what derives from a number. A forward for any host address has an empty
// host. forward_port answers for single ports and for ranges that begin in a span; forward_range for those
// that reach into it from below: of one host address, ranges never overlap, so only the last one before the
// span can. A service's scope names spaces, for they may come later. An owner has one ID block that is not
// quarantined; a row of space_map without a map means the default of its owner, a space without a row has the
// default of the owner of its own name.
constexpr auto kTables = R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE space(
  number INTEGER PRIMARY KEY CHECK(number BETWEEN 2 AND 65534),
  name TEXT NOT NULL UNIQUE,
  ip4 BLOB NOT NULL UNIQUE CHECK(length(ip4) = 4),
  ip6 BLOB UNIQUE CHECK(length(ip6) = 16),
  ip4_given INTEGER NOT NULL,
  ip6_given INTEGER NOT NULL,
  nat INTEGER NOT NULL,
  adopted INTEGER NOT NULL,
  state INTEGER NOT NULL,
  uplink INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE forward(
  space INTEGER NOT NULL REFERENCES space(number) ON DELETE CASCADE,
  proto INTEGER NOT NULL,
  host BLOB NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  to_port INTEGER NOT NULL,
  PRIMARY KEY(space, proto, host, first)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX forward_port ON forward(proto, first, host);
CREATE INDEX forward_range ON forward(proto, host, first, last) WHERE first <> last;
CREATE TABLE member(
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  space INTEGER NOT NULL REFERENCES space(number) ON DELETE CASCADE,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_space ON member(space);
CREATE TABLE service(
  name TEXT PRIMARY KEY,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL CHECK(port BETWEEN 1 AND 65535),
  target TEXT NOT NULL,
  mode INTEGER NOT NULL,
  header INTEGER NOT NULL,
  scope INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE service_space(
  service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,
  space TEXT NOT NULL,
  PRIMARY KEY(service, space)
) STRICT, WITHOUT ROWID;
CREATE TABLE id_block(
  first INTEGER PRIMARY KEY CHECK(first BETWEEN 65536 AND 4294967294),
  count INTEGER NOT NULL CHECK(count >= 65536 AND first + count <= 4294967295),
  owner TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX id_block_owner ON id_block(owner) WHERE NOT quarantined;
CREATE TABLE id_map(name TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE id_map_entry(
  map TEXT NOT NULL REFERENCES id_map(name) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  inside INTEGER NOT NULL,
  block INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(map, kind, inside)
) STRICT, WITHOUT ROWID;
CREATE TABLE space_map(
  space INTEGER PRIMARY KEY REFERENCES space(number) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  map TEXT REFERENCES id_map(name),
  since INTEGER NOT NULL
) STRICT;
CREATE INDEX space_map_map ON space_map(map) WHERE map IS NOT NULL;
CREATE TABLE device(
  space INTEGER NOT NULL REFERENCES space(number) ON DELETE CASCADE,
  idx INTEGER NOT NULL CHECK(idx BETWEEN 1 AND 127),
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  parent TEXT NOT NULL,
  vlan INTEGER NOT NULL,
  mode INTEGER NOT NULL,
  mac TEXT NOT NULL,
  flags INTEGER NOT NULL,
  PRIMARY KEY(space, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE device_address(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  role INTEGER NOT NULL,
  ip BLOB NOT NULL,
  prefix INTEGER NOT NULL,
  PRIMARY KEY(space, idx, role, ip),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE device_origin(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  kind TEXT NOT NULL,
  mac TEXT NOT NULL,
  permanent TEXT NOT NULL,
  hardware TEXT NOT NULL,
  away INTEGER NOT NULL,
  link INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  mtu INTEGER NOT NULL,
  link_group INTEGER NOT NULL,
  up INTEGER NOT NULL,
  PRIMARY KEY(space, idx),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE device_altname(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(space, idx, name),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE device_former(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  ip BLOB NOT NULL,
  prefix INTEGER NOT NULL,
  peer BLOB NOT NULL,
  broadcast BLOB NOT NULL,
  scope INTEGER NOT NULL,
  no_route INTEGER NOT NULL,
  PRIMARY KEY(space, idx, ip, prefix, peer),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 0x7761726e;
PRAGMA user_version = 1;
)";

Status create_in_one(Database& db) {
  TRY(db.execute("BEGIN IMMEDIATE"));
  auto made = db.execute(kTables);
  if (made) made = db.execute("COMMIT");
  if (!made && db.in_transaction()) (void)db.execute("ROLLBACK");
  return made;
}

/// Makes the store unless another process was quicker.
Status create_once(Database& db) {
  const auto lock = TRY(db.lock_directory());
  if (TRY(has_schema(db))) return {};
  TRY(db.execute("PRAGMA journal_mode = WAL"));
  TRY(create_in_one(db));
  db.checkpoint();  // once, so that the file alone, without its log, is a whole database
  return {};
}

}  // namespace

Status create_schema(Database& db) { return db.execute(kTables); }

Result<bool> has_schema(Database& db) {
  const auto snapshot = TRY(Snapshot::begin(db));  // another process may be making it
  const auto version = TRY(db.number("PRAGMA user_version"));
  const auto application = TRY(db.number("PRAGMA application_id"));
  if (application == 0 && version == 0) {
    if (TRY(db.number("SELECT count(*) FROM sqlite_master")) == 0) return false;
  }
  if (application != kApplication)
    return fail(Code::failed, fmt::format("{} is another program's database: move it away", db.title()));
  if (version > kVersion)
    return fail(Code::failed, fmt::format("{} was written by a newer warren (schema {}, this one knows {}): "
                                          "upgrade warren",
                                          db.title(), version, kVersion));
  if (version != kVersion) return db.damaged(fmt::format("schema {}", version));
  return true;
}

Status prepare_schema(Database& db) {
  if (!TRY(has_schema(db))) TRY(create_once(db));
  return db.execute("PRAGMA journal_mode = WAL");  // each time: a restored copy may have come without
}

}  // namespace warren::store
