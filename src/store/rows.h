// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "model/space.h"
#include "store/database.h"

namespace warren::store {

/// The columns that read_space() takes, in its order.
#define WARREN_SPACE_COLUMNS                                                    \
  "number, name, ip4, ip6, ip4_given, ip6_given, nat, adopted, state, uplink, " \
  "EXISTS(SELECT 1 FROM device WHERE device.space = space.number)"
/// The columns that read_forward() takes, in its order.
#define WARREN_FORWARD_COLUMNS "proto, host, first, last, to_port"

/// The space of a row, without its forwards. Error: the store is damaged.
[[nodiscard]] Result<model::Space> read_space(const Database& db, const Statement& row);
/// The forward of a row, from column `at` on. Error: the store is damaged.
[[nodiscard]] Result<model::Forward> read_forward(const Database& db, const Statement& row, int at);
/// A space's name. Error: the store is damaged.
[[nodiscard]] Result<SpaceName> read_name(const Database& db, const Statement& row, int column);

/// The devices of a space, sorted by index. Error: the store is damaged.
[[nodiscard]] Result<std::vector<model::Device>> load_devices(Database& db, SpaceNumber number);
[[nodiscard]] Status load_origins(Database& db, SpaceNumber number, std::vector<model::Device>& devices);
[[nodiscard]] Status insert_origin(Database& db, SpaceNumber number, const model::Device& device);
/// An empty text is no MAC. Error: the store is damaged.
[[nodiscard]] Result<std::optional<Mac>> read_mac(const Database& db, std::string_view text);
/// The device with this index, or null.
[[nodiscard]] model::Device* find_device(std::vector<model::Device>& devices, std::int64_t index);

/// Binds a forward's host address: empty for any.
void bind_host(Statement& statement, const std::optional<Ip>& host);

/// Sorts what the scans give by bytes of the host address into the order of Forward.
void sort_forwards(std::vector<model::Forward>& forwards);

}  // namespace warren::store
