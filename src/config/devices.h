// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "config/document.h"
#include "model/device.h"

namespace warren::config {

/// The [[space.NAME.device]] of a file for `warren apply`. Error: usage, with the line.
[[nodiscard]] Result<std::vector<model::Device>> read_devices(const Place& at, const Value& value);
/// The keys that make this device again, a line each.
[[nodiscard]] std::string write_device(const model::Device& device);

}  // namespace warren::config
