// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/devices.h"

#include <fmt/format.h>
#include <utility>

#include "store/device_rows.h"
#include "store/rows.h"

namespace warren::store {
namespace {

using model::Device;

Status insert_address(Database& db, SpaceNumber number, std::uint8_t index, AddressRole role,
                      const IpPrefix& address) {
  auto insert =
      TRY(db.prepare("INSERT OR IGNORE INTO device_address(space, idx, role, ip, prefix) "
                     "SELECT id, ?, ?, ?, ? FROM space WHERE number = ?"));
  return insert.bind(index)
      .bind(static_cast<std::int64_t>(role))
      .bind(address.ip)
      .bind(address.prefix)
      .bind(number)
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
                     "SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM space WHERE number = ?"));
  insert.bind(device.index).bind(static_cast<std::int64_t>(device.kind));
  insert.bind(device.name.str()).bind(parent).bind(device.vlan);
  TRY(insert.bind(static_cast<std::int64_t>(device.mode))
          .bind(mac)
          .bind(device_flags(device))
          .bind(number)
          .run());
  if (db.changes() == 0) return no_space(number);
  return {};
}

Status erase_row(Database& db, SpaceNumber number, std::uint8_t index) {
  auto change = TRY(db.prepare("DELETE FROM device WHERE space = " WARREN_ID_OF " AND idx = ?"));
  return change.bind(number).bind(index).run();
}

// CROSS JOIN keeps the planner from beginning with the spaces. For now only tenants have devices.
#define WARREN_PLACED             \
  "SELECT " WARREN_DEVICE_COLUMNS \
  ", space.name, number, state "  \
  "FROM device CROSS JOIN space ON space.id = device.space WHERE space.kind = 0 AND "

Result<std::vector<Devices::Placed>> read_placed(const Database& db, Statement& query) {
  std::vector<Devices::Placed> all;
  while (TRY(query.step())) {
    const auto number = query.number(9);
    const auto state = read_enum(query.number(10), model::kLastState);
    if (number < kFirstNumber || number > kLastNumber || !state)
      return db.damaged("a space has impossible values");
    all.push_back({TRY(read_name(db, query, 8)), static_cast<SpaceNumber>(number), *state,
                   TRY(read_device(db, query))});
  }
  return all;
}

}  // namespace

Result<std::vector<Devices::Placed>> Devices::on(const IfName& parent) {
  auto query = TRY(db_->prepare(WARREN_PLACED "parent = ? AND parent <> '' ORDER BY space, idx"));
  query.bind(parent.str());
  return read_placed(*db_, query);
}

Result<std::vector<Devices::Placed>> Devices::on(const IfName& parent, model::DeviceKind kind,
                                                 std::uint16_t vlan) {
  auto query = TRY(db_->prepare(
      WARREN_PLACED "parent = ? AND parent <> '' AND device.kind = ? AND vlan = ? ORDER BY space, idx"));
  query.bind(parent.str()).bind(static_cast<std::int64_t>(kind)).bind(vlan);
  return read_placed(*db_, query);
}

Result<std::vector<Devices::Placed>> Devices::with_address(const Ip& ip) {
  auto query =
      TRY(db_->prepare(WARREN_PLACED
                       "(space, idx) IN (SELECT space, idx FROM device_address WHERE ip = ? AND role = ?) "
                       "ORDER BY space, idx"));
  query.bind(ip).bind(static_cast<std::int64_t>(AddressRole::own));
  return read_placed(*db_, query);
}

Result<std::vector<SpaceName>> Devices::owners() {
  auto query =
      TRY(db_->prepare("SELECT space.name FROM (SELECT DISTINCT space FROM device) AS of "
                       "CROSS JOIN space ON space.id = of.space WHERE space.kind = 0 ORDER BY space.name"));
  std::vector<SpaceName> names;
  while (TRY(query.step())) names.push_back(TRY(read_name(*db_, query, 0)));
  return names;
}

Result<bool> Devices::any_other_on(const IfName& parent, SpaceNumber number, std::uint8_t index) {
  auto query =
      TRY(db_->prepare("SELECT 1 FROM device CROSS JOIN space ON space.id = device.space "
                       "WHERE parent = ? AND parent <> '' AND (number IS NOT ? OR idx <> ?) LIMIT 1"));
  return query.bind(parent.str()).bind(number).bind(index).step();
}

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
