// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/device.h"
#include "store/database.h"

namespace warren::store {

/// What an address of the table is to its device.
enum class AddressRole : std::uint8_t { own, gateway, old_own, old_gateway };

/// The columns that read_device() takes, in its order.
#define WARREN_DEVICE_COLUMNS "idx, device.kind, device.name, parent, vlan, mode, mac, flags"

/// The device of a row, without its addresses and its origin. Error: the store is damaged.
[[nodiscard]] Result<model::Device> read_device(const Database& db, const Statement& row);
/// What read_device() reads back.
[[nodiscard]] std::int64_t device_flags(const model::Device& device);
/// An empty text is no MAC. Error: the store is damaged.
[[nodiscard]] Result<std::optional<Mac>> read_mac(const Database& db, std::string_view text);
/// What a physical device was on the host, where that is known.
[[nodiscard]] Status insert_origin(Database& db, SpaceNumber number, const model::Device& device);

}  // namespace warren::store
