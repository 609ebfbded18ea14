// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/examine.h"

#include <fmt/format.h>
#include <iterator>

#include "doctor/checks.h"

namespace warren::doctor {
namespace {

using Level = Finding::Level;

void append(std::vector<Finding>& all, std::vector<Finding> more) {
  std::move(more.begin(), more.end(), std::back_inserter(all));
}

/// A check that could not be made is told, and stops none of the others; without root none can.
Status append_or_tell(std::vector<Finding>& all, const char* topic, Result<std::vector<Finding>> more) {
  if (more)
    append(all, std::move(*more));
  else if (more.error().code == Code::permission)
    return std::unexpected(std::move(more).error());
  else
    all.push_back({Level::advice, topic, fmt::format("cannot be looked at: {}", more.error().what), {}});
  return {};
}

Finding check_uplink(const Context& context) {
  if (context.uplink)
    return {Level::ok, "uplink", fmt::format("{} leads to the world", context.uplink->str()), {}};
  if (context.settings.no_uplink) return {Level::ok, "uplink", "none, as the settings say", {}};
  return {Level::problem,
          "uplink",
          "no default route, so no uplink: spaces have no way out",
          {"ip route add default via ADDRESS"}};
}

}  // namespace

const char* name(Finding::Level level) {
  switch (level) {
    case Level::ok:
      return "ok";
    case Level::advice:
      return "advice";
    case Level::problem:
      return "problem";
  }
  return "";
}

Result<std::vector<Finding>> examine(const Context& context) {
  std::vector<Finding> findings;
  append(findings, check_kernel(context));
  append(findings, check_devices());
  findings.push_back(check_uplink(context));
  TRY(append_or_tell(findings, "firewall", check_firewalls(context)));
  append(findings, check_legacy_iptables());
  TRY(append_or_tell(findings, "sysctl", check_sysctls(context)));
  TRY(append_or_tell(findings, "conntrack", check_conntrack(context)));
  return findings;
}

}  // namespace warren::doctor
