// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/work.h"
#include "model/forward_spec.h"

namespace warren::engine {

/// A space that stays, before and after.
struct Change {
  model::Space before;
  model::Space after;
  std::vector<model::ForwardSpec> pick;  ///< forwards to be added whose host port is still to be picked
  std::vector<model::Device> drop_devices = {};
  std::vector<model::Device> put_devices = {};  ///< those that come, and those whose addresses change
};

/// Decides what becomes of the devices; `wanted`: complete, an index of 0 is to be chosen.
void take_devices(const std::vector<model::Device>& wanted, Change& change);
/// What that is, in words.
[[nodiscard]] std::vector<std::string> device_words(const Change& change);
/// Adds the kernel's part of it to the work.
void change_devices(Work& work, const Change& change);

}  // namespace warren::engine
