// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "store/rows.h"
#include "store/store.h"

namespace warren::store {
namespace {

using model::Device;

/// What an address of the table is to its device.
enum Role { kOwn, kGateway, kOldOwn, kOldGateway };
enum Flag { kDhcp = 1, kShim = 2, kVirtual = 4, kLeaving = 8 };

Result<Device> read_device(const Database& db, const Statement& row) {
  Device device;
  const auto index = row.number(0), kind = row.number(1), vlan = row.number(4), mode = row.number(5),
             flags = row.number(7);
  const auto name = IfName::parse(row.text(2));
  const bool good = name && index >= 1 && index <= model::kLastDevice && kind >= 0 &&
                    kind <= std::to_underlying(model::kLastKind) && vlan >= 0 && vlan <= model::kLastVlan &&
                    mode >= 0 && mode <= std::to_underlying(model::kLastMode);
  if (!good) return db.damaged("an impossible device");
  device.index = static_cast<std::uint8_t>(index);
  device.kind = static_cast<model::DeviceKind>(kind);
  device.name = *name;
  if (!row.text(3).empty()) {
    const auto parent = IfName::parse(row.text(3));
    if (!parent) return db.damaged("a device has an impossible parent");
    device.parent = *parent;
  }
  device.vlan = static_cast<std::uint16_t>(vlan);
  device.mode = static_cast<model::DeviceMode>(mode);
  device.mac = TRY(read_mac(db, row.text(6)));
  device.dhcp = (flags & kDhcp) != 0, device.shim = (flags & kShim) != 0;
  device.is_virtual = (flags & kVirtual) != 0, device.leaving = (flags & kLeaving) != 0;
  return device;
}

Status load_addresses(Database& db, SpaceNumber number, std::vector<Device>& devices) {
  auto query = TRY(db.prepare("SELECT idx, role, ip, prefix FROM device_address WHERE space = ?"));
  query.bind(number);
  while (TRY(query.step())) {
    auto* device = find_device(devices, query.number(0));
    const auto ip = query.ip(2);
    const auto role = query.number(1), prefix = query.number(3);
    if (!device || !ip || prefix < 0 || prefix > ip->bits())
      return db.damaged("an impossible address of a device");
    const IpPrefix address{*ip, static_cast<std::uint8_t>(prefix)};
    if (role == kGateway || role == kOldGateway)
      (role == kGateway ? device->gateways : device->old_gateways).push_back(*ip);
    else
      (role == kOwn ? device->addresses : device->old_addresses).push_back(address);
  }
  for (auto& device : devices) {
    std::ranges::sort(device.addresses);
    std::ranges::sort(device.gateways);
    std::ranges::sort(device.old_addresses);
    std::ranges::sort(device.old_gateways);
  }
  return {};
}

Status insert_address(Database& db, SpaceNumber number, std::uint8_t index, Role role,
                      const IpPrefix& address) {
  auto insert = TRY(
      db.prepare("INSERT OR IGNORE INTO device_address(space, idx, role, ip, prefix) VALUES(?, ?, ?, ?, ?)"));
  return insert.bind(number).bind(index).bind(role).bind(address.ip).bind(address.prefix).run();
}

Status insert_addresses(Database& db, SpaceNumber number, const Device& device) {
  const auto insert = [&](Role role, const std::vector<IpPrefix>& addresses) -> Status {
    for (const auto& address : addresses) TRY(insert_address(db, number, device.index, role, address));
    return {};
  };
  const auto alone = [](const std::vector<Ip>& ips) {
    std::vector<IpPrefix> all;
    for (const auto& ip : ips) all.push_back({ip, static_cast<std::uint8_t>(ip.bits())});
    return all;
  };
  TRY(insert(kOwn, device.addresses));
  TRY(insert(kGateway, alone(device.gateways)));
  TRY(insert(kOldOwn, device.old_addresses));
  return insert(kOldGateway, alone(device.old_gateways));
}

Status insert_device(Database& db, SpaceNumber number, const Device& device) {
  const auto parent = device.parent ? device.parent->str() : std::string();
  const auto mac = device.mac ? device.mac->str() : std::string();
  const int flags = (device.dhcp ? kDhcp : 0) | (device.shim ? kShim : 0) |
                    (device.is_virtual ? kVirtual : 0) | (device.leaving ? kLeaving : 0);
  auto insert =
      TRY(db.prepare("INSERT INTO device(space, idx, kind, name, parent, vlan, mode, mac, flags) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(number).bind(device.index).bind(static_cast<std::int64_t>(device.kind));
  insert.bind(device.name.str()).bind(parent).bind(device.vlan);
  return insert.bind(static_cast<std::int64_t>(device.mode)).bind(mac).bind(flags).run();
}

Status erase_row(Database& db, SpaceNumber number, std::uint8_t index) {
  auto change = TRY(db.prepare("DELETE FROM device WHERE space = ? AND idx = ?"));
  return change.bind(number).bind(index).run();
}

}  // namespace

Result<std::optional<Mac>> read_mac(const Database& db, std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto mac = Mac::parse(text);
  if (!mac) return db.damaged("a device has an impossible MAC");
  return *mac;
}

Device* find_device(std::vector<Device>& devices, std::int64_t index) {
  const auto found = std::ranges::find_if(devices, [&](const auto& device) { return device.index == index; });
  return found == devices.end() ? nullptr : &*found;
}

Result<std::vector<Device>> load_devices(Database& db, SpaceNumber number) {
  std::vector<Device> devices;
  auto query = TRY(db.prepare(
      "SELECT idx, kind, name, parent, vlan, mode, mac, flags FROM device WHERE space = ? ORDER BY idx"));
  query.bind(number);
  while (TRY(query.step())) devices.push_back(TRY(read_device(db, query)));
  TRY(load_origins(db, number, devices));
  TRY(load_addresses(db, number, devices));
  return devices;
}

Status Store::put_device(SpaceNumber number, const Device& device) {
  TRY(erase_row(*db_, number, device.index));
  TRY(insert_device(*db_, number, device));
  TRY(insert_origin(*db_, number, device));
  return insert_addresses(*db_, number, device);
}

Status Store::change_device(SpaceNumber number, const Device& device) {
  TRY(erase_row(*db_, number, device.index));
  if (db_->changes() == 0) return {};
  return put_device(number, device);
}

Status Store::remove_device(SpaceNumber number, std::uint8_t index) {
  TRY(erase_row(*db_, number, index));
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("space {} has no device with index {}", number, index));
}

}  // namespace warren::store
