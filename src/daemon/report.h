// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/roster.h"

namespace warren::daemon {

/// What warrend says of itself, at one moment.
struct Report {
  std::string since;
  std::string state;  ///< "running", "draining"
  std::vector<Standing> standing;
  std::vector<model::Service> services;
  std::vector<std::pair<ServiceName, std::vector<proxy::Address>>> addresses;
  std::vector<std::pair<Endpoint, std::string>> failures;
  proxy::Counters retired;  ///< of listeners that are gone
  std::uint64_t pauses = 0;
  struct Repairs {
    bool on = true;
    std::uint64_t looks = 0;   ///< at everything
    std::uint64_t mended = 0;  ///< faults
    std::uint64_t failed = 0;
    std::string last;  ///< when something was mended, or empty
    double pause = 0;  ///< seconds until the next may be, in a storm
  } repairs;
};

/// One JSON object, one line.
[[nodiscard]] std::string as_json(const Report& report);
/// The text format of Prometheus.
[[nodiscard]] std::string as_metrics(const Report& report);

}  // namespace warren::daemon
