// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren {

using Port = std::uint16_t;  ///< 1..65535; 0 never leaves a parser

/// Transport protocols that a forward may carry; the values are IANA's protocol numbers.
enum class Proto : std::uint8_t { tcp = 6, udp = 17 };
[[nodiscard]] std::string_view name(Proto proto);

/// A number from 1 to 65535, digits only. Error: usage.
[[nodiscard]] Result<Port> parse_port(std::string_view text);

/// Ports first..last, both included, first <= last.
struct PortRange {
  Port first = 1;
  Port last = 1;

  /// "8080" or "8000-8099". Error: usage.
  [[nodiscard]] static Result<PortRange> parse(std::string_view text);
  [[nodiscard]] bool single() const { return first == last; }
  [[nodiscard]] bool contains(Port port) const { return first <= port && port <= last; }
  [[nodiscard]] bool overlaps(const PortRange& other) const {
    return first <= other.last && other.first <= last;
  }
  [[nodiscard]] std::string str() const;
  auto operator<=>(const PortRange&) const = default;
};

/// A protocol and a port, as "tcp:53". Error: usage.
struct ProtoPort {
  Proto proto = Proto::tcp;
  Port port = 1;
  [[nodiscard]] static Result<ProtoPort> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  auto operator<=>(const ProtoPort&) const = default;
};

}  // namespace warren
