// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "types/ip.h"
#include "types/names.h"

namespace warren::sys {

/// The settings below /proc/sys/net that warren reads or writes; no other path can be made.
enum class Conf {
  forwarding,        ///< conf/IF/forwarding, both families
  force_forwarding,  ///< conf/IF/force_forwarding, IPv6, since Linux 6.17
  accept_ra,         ///< conf/IF/accept_ra, IPv6
  disable_ipv6,      ///< conf/IF/disable_ipv6
  rp_filter,         ///< conf/IF/rp_filter, IPv4
  route_localnet,    ///< conf/IF/route_localnet, IPv4
};

/// A setting of one interface, or of "all".
struct Sysctl {
  Family family = Family::v4;
  Conf conf = Conf::forwarding;
  std::string interface = "all";

  [[nodiscard]] static Sysctl of(Family family, Conf conf, const IfName& name) {
    return {family, conf, name.str()};
  }
  [[nodiscard]] std::string path() const;
  /// "net.ipv4.conf.eth0.forwarding" as sysctl(8) names it, with / for . in an interface's name.
  [[nodiscard]] std::string key() const;
  /// The inverse of key(); nothing for any other text.
  [[nodiscard]] static std::optional<Sysctl> parse(std::string_view key);
  auto operator<=>(const Sysctl&) const = default;
};

/// Its value; nothing where this kernel or interface has no such setting.
[[nodiscard]] Result<std::optional<int>> read_sysctl(const Sysctl& sysctl);
[[nodiscard]] Status write_sysctl(const Sysctl& sysctl, int value);
/// Any other number below /proc/sys, such as "net/netfilter/nf_conntrack_max", for reading only.
[[nodiscard]] Result<std::optional<int>> read_number(const std::string& path);

}  // namespace warren::sys
