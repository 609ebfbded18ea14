// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "kinds/device/look.h"

namespace warren::view {

/// A device as it is stored, and as it stands.
struct SeenDevice {
  model::Device device;
  device::DeviceInside inside;

  /// "up", "down" or "missing".
  [[nodiscard]] std::string_view state() const;
};

/// The devices of a space, from the store and from inside.
[[nodiscard]] std::vector<SeenDevice> look_at(const Place& place, const model::Space& space);
[[nodiscard]] Json to_json(const model::Space& space, const SeenDevice& seen);
/// "macvlan eth1 on uplink, 02:00:00:00:02:01, 203.0.113.20/24, up".
[[nodiscard]] std::string in_words(const model::Space& space, const SeenDevice& seen);
/// For a table: space, device, type, parent, VLAN, mode, MAC, addresses, state.
[[nodiscard]] std::vector<std::string> row(const model::Space& space, const SeenDevice& seen);

}  // namespace warren::view
