// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "doctor/evaluate.h"
#include "model/space.h"

namespace warren::doctor {

/// The commands, in the words of whoever manages the table, that make an exception for this packet and its
/// like: every packet that comes from our links, or goes to them; into the host itself only this protocol and
/// port.
[[nodiscard]] std::vector<std::string> remedy(const Drop& drop, const Packet& packet,
                                              const model::Settings& settings);

}  // namespace warren::doctor
