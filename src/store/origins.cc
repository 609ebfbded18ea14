// SPDX-License-Identifier: GPL-2.0-or-later
// What physical devices were on the host.
#include <algorithm>

#include "store/device_rows.h"
#include "store/load.h"
#include "store/rows.h"

namespace warren::store {
namespace {

using model::Device;
using model::FormerAddress;
using model::Origin;

Result<Origin> read_origin(const Database& db, const Statement& row) {
  const auto mac = TRY(read_mac(db, row.text(3)));
  if (!mac) return db.damaged("an origin without a MAC");
  Origin origin;
  origin.kind = row.text(2), origin.mac = *mac;
  origin.permanent = TRY(read_mac(db, row.text(4)));
  origin.hardware = row.text(5);
  origin.index = static_cast<int>(row.number(7)), origin.peer = static_cast<int>(row.number(8));
  origin.mtu = static_cast<std::uint32_t>(row.number(9));
  origin.group = static_cast<std::uint32_t>(row.number(10));
  origin.up = row.number(11) != 0;
  return origin;
}

/// The origin that was loaded of the device of a row, or null.
Origin* origin_of(LoadedDevices& devices, const Statement& row) {
  auto* device = devices.find(row.number(0), row.number(1));
  if (!device) return nullptr;
  auto& origin = device->origin ? device->origin : device->home;
  return origin ? &*origin : nullptr;
}

Status load_altnames(Database& db, IdSpan span, LoadedDevices& devices) {
  auto query =
      TRY(db.prepare("SELECT space, idx, name FROM device_altname WHERE space BETWEEN ? AND ? "
                     "ORDER BY space, idx, name"));
  query.bind(span.first).bind(span.last);
  devices.rewind();
  while (TRY(query.step())) {
    auto* origin = origin_of(devices, query);
    if (!origin) {
      TRY(check_other(db, query.number(0)));
      continue;
    }
    origin->altnames.emplace_back(query.text(2));
  }
  return {};
}

Status load_former(Database& db, IdSpan span, LoadedDevices& devices) {
  auto query =
      TRY(db.prepare("SELECT space, idx, ip, prefix, peer, broadcast, scope, no_route FROM device_former "
                     "WHERE space BETWEEN ? AND ? ORDER BY space, idx"));
  query.bind(span.first).bind(span.last);
  devices.rewind();
  while (TRY(query.step())) {
    auto* origin = origin_of(devices, query);
    const auto ip = query.ip(2);
    const auto prefix = query.number(3);
    if (!origin) {
      TRY(check_other(db, query.number(0)));
      continue;
    }
    if (!ip || prefix < 0 || prefix > ip->bits())
      return db.damaged("an impossible former address of a device");
    origin->addresses.push_back({{*ip, static_cast<std::uint8_t>(prefix)},
                                 query.ip(4),
                                 query.ip(5),
                                 static_cast<std::uint8_t>(query.number(6)),
                                 query.number(7) != 0});
  }
  return {};
}

Status insert_former(Database& db, SpaceNumber number, std::uint8_t index, const FormerAddress& former) {
  auto insert =
      TRY(db.prepare("INSERT INTO device_former(space, idx, ip, prefix, peer, broadcast, scope, no_route) "
                     "SELECT id, ?, ?, ?, ?, ?, ?, ? FROM space WHERE number = ?"));
  insert.bind(index).bind(former.address.ip).bind(former.address.prefix);
  bind_host(insert, former.peer);
  bind_host(insert, former.broadcast);
  return insert.bind(former.scope).bind(former.no_route).bind(number).run();
}

Status insert_altname(Database& db, SpaceNumber number, std::uint8_t index, const std::string& name) {
  auto insert = TRY(
      db.prepare("INSERT INTO device_altname(space, idx, name) SELECT id, ?, ? FROM space WHERE number = ?"));
  return insert.bind(index).bind(name).bind(number).run();
}

}  // namespace

Status load_origins(Database& db, IdSpan span, LoadedDevices& devices) {
  std::vector<Origin*> loaded;
  auto query = TRY(
      db.prepare("SELECT space, idx, kind, mac, permanent, hardware, away, link, peer, mtu, link_group, up "
                 "FROM device_origin WHERE space BETWEEN ? AND ? ORDER BY space, idx"));
  query.bind(span.first).bind(span.last);
  devices.rewind();
  while (TRY(query.step())) {
    auto* device = devices.find(query.number(0), query.number(1));
    if (!device) {
      TRY(check_other(db, query.number(0)));
      continue;
    }
    auto& origin = query.number(6) != 0 ? device->origin : device->home;
    loaded.push_back(&origin.emplace(TRY(read_origin(db, query))));
  }
  TRY(load_altnames(db, span, devices));
  TRY(load_former(db, span, devices));
  for (auto* origin : loaded) std::ranges::sort(origin->addresses);
  return {};
}

Status insert_origin(Database& db, SpaceNumber number, const Device& device) {
  if (!device.origin && !device.home) return {};
  const auto& origin = device.origin ? *device.origin : *device.home;
  const auto mac = origin.mac.str();
  const auto permanent = origin.permanent ? origin.permanent->str() : std::string();
  auto insert = TRY(db.prepare(
      "INSERT INTO device_origin(space, idx, kind, mac, permanent, hardware, away, link, peer, "
      "mtu, link_group, up) SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM space WHERE number = ?"));
  insert.bind(device.index).bind(origin.kind).bind(mac).bind(permanent).bind(origin.hardware);
  insert.bind(device.origin.has_value())
      .bind(origin.index)
      .bind(origin.peer)
      .bind(origin.mtu)
      .bind(origin.group);
  TRY(insert.bind(origin.up).bind(number).run());
  for (const auto& name : origin.altnames) TRY(insert_altname(db, number, device.index, name));
  for (const auto& former : origin.addresses) TRY(insert_former(db, number, device.index, former));
  return {};
}

}  // namespace warren::store
