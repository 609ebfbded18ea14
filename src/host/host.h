// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "host/kernel.h"
#include "model/plan.h"
#include "model/space.h"
#include "nft/table.h"
#include "types/names.h"

namespace warren::host {

/// What the kernel says of the host, as far as spaces depend on it.
struct HostFacts {
  std::vector<IfName> uplinks;  ///< one, or one per family where they differ; empty: no way out
  std::uint32_t mtu = 1500;     ///< the uplink's; the smaller one of two
  bool forwarding4 = false;     ///< net.ipv4.ip_forward
  bool forwarding6 = false;     ///< net.ipv6.conf.all.forwarding
  bool force6 = false;          ///< IPv6 forwarding can be switched on per interface (Linux 6.17)
};

/// Addresses far away, to ask a routing table for the way out. Nothing is sent to them.
[[nodiscard]] Ip far4();
[[nodiscard]] Ip far6();

/// Error: an uplink that was configured is not there; IPv6 is off on the host but not in the settings.
[[nodiscard]] Result<HostFacts> read_host(netlink::Socket& route, const model::Settings& settings);
/// Error where there must be a way out (settings.no_uplink is not set) and there is none.
[[nodiscard]] Status require_uplink(const HostFacts& facts, const model::Settings& settings);

/// The values that settings of the host had before warren changed them, by sysctl key; kept where
/// the place has what runs, so a reboot forgets them as the kernel does.
class Originals {
 public:
  [[nodiscard]] static Result<Originals> load(const Place& place);
  /// Kept before the change is made, so that no crash can lose a value.
  [[nodiscard]] Status remember(const std::vector<model::SysctlChange>& changes);
  [[nodiscard]] const std::map<std::string, int>& values() const { return values_; }
  /// Writes them all back and forgets them.
  [[nodiscard]] Status restore();

 private:
  explicit Originals(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::map<std::string, int> values_;
};

/// The host settings that have to change so that spaces reach the world.
[[nodiscard]] Result<std::vector<model::SysctlChange>> pending_sysctls(netlink::Socket& route,
                                                                       const HostFacts& facts,
                                                                       const model::Settings& settings,
                                                                       const Originals& originals);
[[nodiscard]] Status change_sysctls(const std::vector<model::SysctlChange>& changes, Originals& originals);

/// The rules that these settings, on this host, ask for; `pending` counts as done.
[[nodiscard]] nft::Rules make_rules(const HostFacts& facts, const model::Settings& settings,
                                    const Originals& originals,
                                    const std::vector<model::SysctlChange>& pending);

/// Puts these parts of the host in place; those that stand stay as they are.
[[nodiscard]] Status put_host_parts(netlink::Socket& route, const model::Settings& settings,
                                    const std::vector<model::HostPart>& parts);
[[nodiscard]] Status remove_host_parts(netlink::Socket& route, const model::Settings& settings);
[[nodiscard]] std::vector<model::HostPart> all_host_parts(const model::Settings& settings);

}  // namespace warren::host
