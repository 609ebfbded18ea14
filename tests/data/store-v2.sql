CREATE TABLE "device"(
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
) STRICT, WITHOUT ROWID
CREATE TABLE device_address(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  role INTEGER NOT NULL,
  ip BLOB NOT NULL,
  prefix INTEGER NOT NULL,
  PRIMARY KEY(space, idx, role, ip),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID
CREATE INDEX device_address_ip ON device_address(ip)
CREATE TABLE device_altname(
  space INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(space, idx, name),
  FOREIGN KEY(space, idx) REFERENCES device(space, idx) ON DELETE CASCADE
) STRICT, WITHOUT ROWID
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
) STRICT, WITHOUT ROWID
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
) STRICT, WITHOUT ROWID
CREATE INDEX device_parent ON device(parent, kind, vlan) WHERE parent <> ''
CREATE TABLE "forward"(
  space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,
  proto INTEGER NOT NULL,
  host BLOB NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  to_port INTEGER NOT NULL,
  PRIMARY KEY(space, proto, host, first)
) STRICT, WITHOUT ROWID
CREATE UNIQUE INDEX forward_port ON forward(proto, first, host)
CREATE INDEX forward_range ON forward(proto, host, first, last) WHERE first <> last
CREATE TABLE id_block(
  first INTEGER PRIMARY KEY CHECK(first BETWEEN 65536 AND 4294967294),
  count INTEGER NOT NULL CHECK(count >= 65536 AND first + count <= 4294967295),
  owner TEXT NOT NULL,
  quarantined INTEGER NOT NULL,
  since INTEGER NOT NULL
) STRICT
CREATE UNIQUE INDEX id_block_owner ON id_block(owner) WHERE NOT quarantined
CREATE TABLE id_map(name TEXT PRIMARY KEY, owner TEXT NOT NULL) STRICT, WITHOUT ROWID
CREATE TABLE id_map_entry(
  map TEXT NOT NULL REFERENCES id_map(name) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  inside INTEGER NOT NULL,
  block INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(map, kind, inside)
) STRICT, WITHOUT ROWID
CREATE TABLE "member"(
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  space INTEGER NOT NULL REFERENCES space(id) ON DELETE CASCADE,
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID
CREATE INDEX member_space ON member(space)
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID
CREATE TABLE service(
  name TEXT PRIMARY KEY,
  proto INTEGER NOT NULL,
  port INTEGER NOT NULL CHECK(port BETWEEN 1 AND 65535),
  target TEXT NOT NULL,
  mode INTEGER NOT NULL,
  header INTEGER NOT NULL,
  scope INTEGER NOT NULL
) STRICT, WITHOUT ROWID
CREATE TABLE service_space(
  service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,
  space TEXT NOT NULL,
  PRIMARY KEY(service, space)
) STRICT, WITHOUT ROWID
CREATE TABLE "space"(
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
) STRICT
CREATE TABLE "space_map"(
  space INTEGER PRIMARY KEY REFERENCES space(id) ON DELETE CASCADE,
  owner TEXT NOT NULL,
  map TEXT REFERENCES id_map(name),
  since INTEGER NOT NULL
) STRICT
CREATE INDEX space_map_map ON space_map(map) WHERE map IS NOT NULL
CREATE INDEX space_state ON space(state, kind)
