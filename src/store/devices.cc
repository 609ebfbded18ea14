// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/devices.h"

#include <fmt/format.h>

#include "store/device_rows.h"

namespace warren::store {
namespace {

using model::Device;

Status insert_address(Database& db, SpaceNumber number, std::uint8_t index, AddressRole role,
                      const IpPrefix& address) {
  auto insert = TRY(
      db.prepare("INSERT OR IGNORE INTO device_address(space, idx, role, ip, prefix) VALUES(?, ?, ?, ?, ?)"));
  return insert.bind(number)
      .bind(index)
      .bind(static_cast<std::int64_t>(role))
      .bind(address.ip)
      .bind(address.prefix)
      .run();
}

Status insert_addresses(Database& db, SpaceNumber number, const Device& device) {
  const auto insert = [&](AddressRole role, const std::vector<IpPrefix>& addresses) -> Status {
    for (const auto& address : addresses) TRY(insert_address(db, number, device.index, role, address));
    return {};
  };
  const auto alone = [](const std::vector<Ip>& ips) {
    std::vector<IpPrefix> all;
    for (const auto& ip : ips) all.push_back({ip, static_cast<std::uint8_t>(ip.bits())});
    return all;
  };
  TRY(insert(AddressRole::own, device.addresses));
  TRY(insert(AddressRole::gateway, alone(device.gateways)));
  TRY(insert(AddressRole::old_own, device.old_addresses));
  return insert(AddressRole::old_gateway, alone(device.old_gateways));
}

Status insert_device(Database& db, SpaceNumber number, const Device& device) {
  const auto parent = device.parent ? device.parent->str() : std::string();
  const auto mac = device.mac ? device.mac->str() : std::string();
  auto insert =
      TRY(db.prepare("INSERT INTO device(space, idx, kind, name, parent, vlan, mode, mac, flags) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(number).bind(device.index).bind(static_cast<std::int64_t>(device.kind));
  insert.bind(device.name.str()).bind(parent).bind(device.vlan);
  return insert.bind(static_cast<std::int64_t>(device.mode)).bind(mac).bind(device_flags(device)).run();
}

Status erase_row(Database& db, SpaceNumber number, std::uint8_t index) {
  auto change = TRY(db.prepare("DELETE FROM device WHERE space = ? AND idx = ?"));
  return change.bind(number).bind(index).run();
}

}  // namespace

Status Devices::put(SpaceNumber number, const Device& device) {
  TRY(erase_row(*db_, number, device.index));
  TRY(insert_device(*db_, number, device));
  TRY(insert_origin(*db_, number, device));
  return insert_addresses(*db_, number, device);
}

Status Devices::change(SpaceNumber number, const Device& device) {
  TRY(erase_row(*db_, number, device.index));
  if (db_->changes() == 0) return {};
  return put(number, device);
}

Status Devices::erase(SpaceNumber number, std::uint8_t index) {
  TRY(erase_row(*db_, number, index));
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("space {} has no device with index {}", number, index));
}

}  // namespace warren::store
