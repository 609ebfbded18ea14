// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/space.h"

namespace warren::doctor {

/// One thing that was looked at, in one line.
struct Finding {
  enum class Level : std::uint8_t {
    ok,
    advice,   ///< may hurt
    problem,  ///< does hurt
  };
  Level level = Level::ok;
  std::string topic;  ///< "firewall", "forwarding", "accept_ra", "rp_filter", "conntrack", "kernel",
                      ///< "iptables-legacy", "route_localnet", "uplink"
  std::string what;
  std::vector<std::string> remedies;  ///< commands
};

/// The host that is examined.
struct Context {
  const model::Settings& settings;
  std::optional<IfName> uplink;
  std::vector<std::string> our_links;  ///< host ends of the spaces that are up; may be empty
};

[[nodiscard]] const char* name(Finding::Level level);

}  // namespace warren::doctor
