// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/device_rows.h"

#include <algorithm>

#include "store/load.h"
#include "store/rows.h"

namespace warren::store {
namespace {

using model::Device;

enum Flag { kDhcp = 1, kShim = 2, kVirtual = 4, kLeaving = 8 };

Status add_address(const Database& db, const Statement& row, Device& device) {
  const auto ip = row.ip(3);
  const auto role = read_enum(row.number(2), AddressRole::old_gateway);
  const auto prefix = row.number(4);
  if (!ip || prefix < 0 || prefix > ip->bits() || !role)
    return db.damaged("an impossible address of a device");
  const IpPrefix address{*ip, static_cast<std::uint8_t>(prefix)};
  switch (*role) {
    case AddressRole::own:
      device.addresses.push_back(address);
      break;
    case AddressRole::gateway:
      device.gateways.push_back(*ip);
      break;
    case AddressRole::old_own:
      device.old_addresses.push_back(address);
      break;
    case AddressRole::old_gateway:
      device.old_gateways.push_back(*ip);
      break;
  }
  return {};
}

Status load_addresses(Database& db, IdSpan span, LoadedDevices& devices) {
  auto query =
      TRY(db.prepare("SELECT space, idx, role, ip, prefix FROM device_address WHERE space BETWEEN ? AND ? "
                     "ORDER BY space, idx"));
  query.bind(span.first).bind(span.last);
  devices.rewind();
  while (TRY(query.step())) {
    auto* device = devices.find(query.number(0), query.number(1));
    if (!device) {
      TRY(check_other(db, query.number(0)));
      continue;
    }
    TRY(add_address(db, query, *device));
  }
  return {};
}

void sort_addresses(Device& device) {
  std::ranges::sort(device.addresses);
  std::ranges::sort(device.gateways);
  std::ranges::sort(device.old_addresses);
  std::ranges::sort(device.old_gateways);
}

/// The devices alone. A space's are all there before the first pointer to one is taken.
Result<LoadedDevices> load_rows(Database& db, IdSpan span, std::vector<LoadedSpace>& spaces) {
  auto query = TRY(db.prepare("SELECT " WARREN_DEVICE_COLUMNS
                              ", space FROM device WHERE space BETWEEN ? AND ? ORDER BY space, idx"));
  query.bind(span.first).bind(span.last);
  auto at = spaces.begin();
  while (TRY(query.step())) {
    const auto id = query.number(8);
    while (at != spaces.end() && at->id < id) ++at;
    if (at == spaces.end() || at->id != id) {
      TRY(check_other(db, id));
      continue;
    }
    at->space.devices.push_back(TRY(read_device(db, query)));
  }
  LoadedDevices devices;
  for (auto& [id, space] : spaces)
    for (auto& device : space.devices) devices.add(id, &device);
  return devices;
}

}  // namespace

Result<Device> read_device(const Database& db, const Statement& row) {
  Device device;
  const auto index = row.number(0), vlan = row.number(4), flags = row.number(7);
  const auto name = IfName::parse(row.text(2));
  const auto kind = read_enum(row.number(1), model::kLastDeviceKind);
  const auto mode = read_enum(row.number(5), model::kLastDeviceMode);
  const bool good = name && kind && mode && index >= 1 && index <= model::kLastDevice && vlan >= 0 &&
                    vlan <= model::kLastVlan;
  if (!good) return db.damaged("an impossible device");
  device.index = static_cast<std::uint8_t>(index);
  device.kind = *kind;
  device.name = *name;
  if (!row.text(3).empty()) {
    const auto parent = IfName::parse(row.text(3));
    if (!parent) return db.damaged("a device has an impossible parent");
    device.parent = *parent;
  }
  device.vlan = static_cast<std::uint16_t>(vlan);
  device.mode = *mode;
  device.mac = TRY(read_mac(db, row.text(6)));
  device.dhcp = (flags & kDhcp) != 0, device.shim = (flags & kShim) != 0;
  device.is_virtual = (flags & kVirtual) != 0, device.leaving = (flags & kLeaving) != 0;
  return device;
}

std::int64_t device_flags(const Device& device) {
  return (device.dhcp ? kDhcp : 0) | (device.shim ? kShim : 0) | (device.is_virtual ? kVirtual : 0) |
         (device.leaving ? kLeaving : 0);
}

Result<std::optional<Mac>> read_mac(const Database& db, std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto mac = Mac::parse(text);
  if (!mac) return db.damaged("a device has an impossible MAC");
  return *mac;
}

/// Most spaces have no devices, and cost one statement for them.
Status load_devices(Database& db, IdSpan span, std::vector<LoadedSpace>& spaces) {
  auto devices = TRY(load_rows(db, span, spaces));
  if (devices.empty()) return {};
  TRY(load_origins(db, span, devices));
  TRY(load_addresses(db, span, devices));
  for (auto& one : spaces) std::ranges::for_each(one.space.devices, sort_addresses);
  return {};
}

}  // namespace warren::store
