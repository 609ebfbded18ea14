// SPDX-License-Identifier: GPL-2.0-or-later
// What physical devices were on the host.
#include <algorithm>

#include "store/rows.h"

namespace warren::store {
namespace {

using model::Device;
using model::FormerAddress;
using model::Origin;

Result<Origin> read_origin(const Database& db, const Statement& row) {
  const auto mac = TRY(read_mac(db, row.text(2)));
  if (!mac) return db.damaged("an origin without a MAC");
  Origin origin;
  origin.kind = row.text(1), origin.mac = *mac;
  origin.permanent = TRY(read_mac(db, row.text(3)));
  origin.hardware = row.text(4);
  origin.index = static_cast<int>(row.number(6)), origin.peer = static_cast<int>(row.number(7));
  origin.mtu = static_cast<std::uint32_t>(row.number(8));
  origin.group = static_cast<std::uint32_t>(row.number(9));
  origin.up = row.number(10) != 0;
  return origin;
}

Origin* find_origin(std::vector<Device>& devices, std::int64_t index) {
  auto* device = find_device(devices, index);
  if (!device) return nullptr;
  auto& origin = device->origin ? device->origin : device->home;
  return origin ? &*origin : nullptr;
}

Status load_altnames(Database& db, SpaceNumber number, std::vector<Device>& devices) {
  auto query = TRY(db.prepare("SELECT idx, name FROM device_altname WHERE space = ? ORDER BY name"));
  query.bind(number);
  while (TRY(query.step())) {
    auto* origin = find_origin(devices, query.number(0));
    if (!origin) return db.damaged("a name of no device");
    origin->altnames.emplace_back(query.text(1));
  }
  return {};
}

Status load_former(Database& db, SpaceNumber number, std::vector<Device>& devices) {
  auto query = TRY(db.prepare(
      "SELECT idx, ip, prefix, peer, broadcast, scope, no_route FROM device_former WHERE space = ?"));
  query.bind(number);
  while (TRY(query.step())) {
    auto* origin = find_origin(devices, query.number(0));
    const auto ip = query.ip(1);
    const auto prefix = query.number(2);
    if (!origin || !ip || prefix < 0 || prefix > ip->bits())
      return db.damaged("an impossible former address of a device");
    origin->addresses.push_back({{*ip, static_cast<std::uint8_t>(prefix)},
                                 query.ip(3),
                                 query.ip(4),
                                 static_cast<std::uint8_t>(query.number(5)),
                                 query.number(6) != 0});
  }
  for (const auto& device : devices)
    if (auto* origin = find_origin(devices, device.index)) std::ranges::sort(origin->addresses);
  return {};
}

Status insert_former(Database& db, SpaceNumber number, std::uint8_t index, const FormerAddress& former) {
  auto insert =
      TRY(db.prepare("INSERT INTO device_former(space, idx, ip, prefix, peer, broadcast, scope, no_route) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(number).bind(index).bind(former.address.ip).bind(former.address.prefix);
  bind_host(insert, former.peer);
  bind_host(insert, former.broadcast);
  return insert.bind(former.scope).bind(former.no_route).run();
}

Status insert_altname(Database& db, SpaceNumber number, std::uint8_t index, const std::string& name) {
  auto insert = TRY(db.prepare("INSERT INTO device_altname(space, idx, name) VALUES(?, ?, ?)"));
  return insert.bind(number).bind(index).bind(name).run();
}

}  // namespace

Status load_origins(Database& db, SpaceNumber number, std::vector<Device>& devices) {
  auto query =
      TRY(db.prepare("SELECT idx, kind, mac, permanent, hardware, away, link, peer, mtu, link_group, up "
                     "FROM device_origin WHERE space = ?"));
  query.bind(number);
  while (TRY(query.step())) {
    auto* device = find_device(devices, query.number(0));
    if (!device) return db.damaged("an origin of no device");
    (query.number(5) != 0 ? device->origin : device->home) = TRY(read_origin(db, query));
  }
  TRY(load_altnames(db, number, devices));
  return load_former(db, number, devices);
}

Status insert_origin(Database& db, SpaceNumber number, const Device& device) {
  if (!device.origin && !device.home) return {};
  const auto& origin = device.origin ? *device.origin : *device.home;
  const auto mac = origin.mac.str();
  const auto permanent = origin.permanent ? origin.permanent->str() : std::string();
  auto insert = TRY(
      db.prepare("INSERT INTO device_origin(space, idx, kind, mac, permanent, hardware, away, link, peer, "
                 "mtu, link_group, up) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(number).bind(device.index).bind(origin.kind).bind(mac).bind(permanent).bind(origin.hardware);
  insert.bind(device.origin.has_value())
      .bind(origin.index)
      .bind(origin.peer)
      .bind(origin.mtu)
      .bind(origin.group);
  TRY(insert.bind(origin.up).run());
  for (const auto& name : origin.altnames) TRY(insert_altname(db, number, device.index, name));
  for (const auto& former : origin.addresses) TRY(insert_former(db, number, device.index, former));
  return {};
}

}  // namespace warren::store
