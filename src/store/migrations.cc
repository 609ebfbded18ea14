// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/migrations.h"

#include <array>

namespace warren::store {
namespace {

// Addresses are blobs of 4 or 16 bytes. space.ip4 and ip6 are what the space really has, so that UNIQUE keeps
// apart what was given by hand and what derives from a number. A forward for any host address has an empty
// host. forward_port answers for single ports and for ranges that begin in a span; forward_range for those
// that reach into it from below: of one host address, ranges never overlap, so only the last one before the
// span can. A service's scope names spaces, for they may come later. An owner has one ID block that is not
// quarantined; a row of space_map without a map means the default of its owner, a space without a row has the
// default of the owner of its own name.
//
// Several builds wrote version 1 with fewer tables than the last of them; IF NOT EXISTS completes their
// stores.
constexpr auto kVersion1 = R"(
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS space(
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
CREATE TABLE IF NOT EXISTS forward(
  space INTEGER NOT NULL REFERENCES space(number) ON DELETE CASCADE,
  proto INTEGER NOT NULL,
  host BLOB NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  to_port INTEGER NOT NULL,
  PRIMARY KEY(space, proto, host, first)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS forward_port ON forward(proto, first, host);
CREATE INDEX IF NOT EXISTS forward_range ON forward(proto, host, first, last) WHERE first <> last;
CREATE TABLE IF NOT EXISTS member(
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  space INTEGER NOT NULL REFERENCES space(number) ON DELETE CASCADE,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS member_space ON member(space);
CREATE TABLE IF NOT EXISTS service(
  name TEXT PRIMARY KEY,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL CHECK(port BETWEEN 1 AND 65535),
  target TEXT NOT NULL,
  mode INTEGER NOT NULL,
  header INTEGER NOT NULL,
  scope INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS service_space(
  service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,
  space TEXT NOT NULL,
  PRIMARY KEY(service, space)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS id_block(
  first INTEGER PRIMARY KEY CHECK(first BETWEEN 65536 AND 4294967294),
  count INTEGER NOT NULL CHECK(count >= 65536 AND first + count <= 4294967295),
  owner TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS id_block_owner ON id_block(owner) WHERE NOT quarantined;
CREATE TABLE IF NOT EXISTS id_map(name TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS id_map_entry(
  map TEXT NOT NULL REFERENCES id_map(name) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  inside INTEGER NOT NULL,
  block INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(map, kind, inside)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS space_map(
  space INTEGER PRIMARY KEY REFERENCES space(number) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  map TEXT REFERENCES id_map(name),
  since INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS space_map_map ON space_map(map) WHERE map IS NOT NULL;
CREATE TABLE IF NOT EXISTS device(
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
CREATE TABLE IF NOT EXISTS device_address(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  role INTEGER NOT NULL,
  ip BLOB NOT NULL,
  prefix INTEGER NOT NULL,
  PRIMARY KEY(space, idx, role, ip),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device_origin(
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
CREATE TABLE IF NOT EXISTS device_altname(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(space, idx, name),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS device_former(
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
)";

// The columns that those builds did not have yet. SQLite has no ADD COLUMN IF NOT EXISTS.
constexpr std::array kLaterColumns{
    AddedColumn{"space", "uplink", "ALTER TABLE space ADD COLUMN uplink INTEGER NOT NULL DEFAULT 1"},
    AddedColumn{"device_origin", "kind",
                "ALTER TABLE device_origin ADD COLUMN kind TEXT NOT NULL DEFAULT ''"},
    AddedColumn{"device_origin", "hardware",
                "ALTER TABLE device_origin ADD COLUMN hardware TEXT NOT NULL DEFAULT ''"},
    AddedColumn{"device_origin", "away",
                "ALTER TABLE device_origin ADD COLUMN away INTEGER NOT NULL DEFAULT 1"},
    AddedColumn{"device_origin", "link",
                "ALTER TABLE device_origin ADD COLUMN link INTEGER NOT NULL DEFAULT 0"},
    AddedColumn{"device_origin", "peer",
                "ALTER TABLE device_origin ADD COLUMN peer INTEGER NOT NULL DEFAULT 0"},
    AddedColumn{"device_origin", "link_group",
                "ALTER TABLE device_origin ADD COLUMN link_group INTEGER NOT NULL DEFAULT 0"},
};

// A space is known by a key of its own; the number of the pool is a tenant's (kind 0), and other kinds need
// none. What hangs on a space names that key. SQLite cannot change what a column refers to, so the tables are
// made anew; until the end their references are not checked.
constexpr auto kVersion2 = R"(
CREATE TABLE new_space(
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL DEFAULT 0,
  number INTEGER UNIQUE CHECK(number BETWEEN 2 AND 65534),
  name TEXT NOT NULL UNIQUE,
  ip4 BLOB UNIQUE CHECK(length(ip4) = 4),
  ip6 BLOB UNIQUE CHECK(length(ip6) = 16),
  ip4_given INTEGER NOT NULL,
  ip6_given INTEGER NOT NULL,
  nat INTEGER NOT NULL,
  adopted INTEGER NOT NULL,
  state INTEGER NOT NULL,
  uplink INTEGER NOT NULL,
  CHECK(kind <> 0 OR (number IS NOT NULL AND ip4 IS NOT NULL))
) STRICT;
INSERT INTO new_space(id, number, name, ip4, ip6, ip4_given, ip6_given, nat, adopted, state, uplink)
  SELECT number, number, name, ip4, ip6, ip4_given, ip6_given, nat, adopted, state, uplink FROM space;
DROP TABLE space;
ALTER TABLE new_space RENAME TO space;
CREATE INDEX space_state ON space(state, kind);
CREATE TABLE new_forward(
  space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,
  proto INTEGER NOT NULL,
  host BLOB NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  to_port INTEGER NOT NULL,
  PRIMARY KEY(space, proto, host, first)
) STRICT, WITHOUT ROWID;
INSERT INTO new_forward(space, proto, host, first, last, to_port) SELECT space, proto, host, first, last, to_port FROM forward;
DROP TABLE forward;
ALTER TABLE new_forward RENAME TO forward;
CREATE UNIQUE INDEX forward_port ON forward(proto, first, host);
CREATE INDEX forward_range ON forward(proto, host, first, last) WHERE first <> last;
CREATE TABLE new_member(
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO new_member(kind, name, space) SELECT kind, name, space FROM member;
DROP TABLE member;
ALTER TABLE new_member RENAME TO member;
CREATE INDEX member_space ON member(space);
CREATE TABLE new_space_map(
  space INTEGER PRIMARY KEY REFERENCES space(id) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  map TEXT REFERENCES id_map(name),
  since INTEGER NOT NULL
) STRICT;
INSERT INTO new_space_map(space, owner, map, since) SELECT space, owner, map, since FROM space_map;
DROP TABLE space_map;
ALTER TABLE new_space_map RENAME TO space_map;
CREATE INDEX space_map_map ON space_map(map) WHERE map IS NOT NULL;
CREATE TABLE new_device(
  space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,
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
INSERT INTO new_device(space, idx, kind, name, parent, vlan, mode, mac, flags) SELECT space, idx, kind, name, parent, vlan, mode, mac, flags FROM device;
DROP TABLE device;
ALTER TABLE new_device RENAME TO device;
CREATE INDEX device_parent ON device(parent, kind, vlan) WHERE parent <> '';
CREATE INDEX device_address_ip ON device_address(ip);
INSERT INTO meta(key, value) VALUES('revision', 0);
)";

constexpr std::array kMigrations{
    Migration{1, kVersion1, kLaterColumns},
    Migration{2, kVersion2, {}},
};
static_assert(kMigrations.back().version == kCurrentVersion);

}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace warren::store
