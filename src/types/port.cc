// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/port.h"

#include <charconv>
#include <fmt/format.h>

#include "types/names.h"

namespace warren {

std::string_view name(Proto proto) { return proto == Proto::tcp ? "tcp" : "udp"; }

Result<Port> parse_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 65535)
    return fail(Code::usage, fmt::format("'{}' is not a port: write a number from 1 to 65535", shown(text)));
  return static_cast<Port>(value);
}

Result<PortRange> PortRange::parse(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) {
    const Port port = TRY(parse_port(text));
    return PortRange{port, port};
  }
  const PortRange range{TRY(parse_port(text.substr(0, dash))), TRY(parse_port(text.substr(dash + 1)))};
  if (range.first > range.last)
    return fail(Code::usage, fmt::format("port range '{}' runs backwards: write {}-{}", shown(text),
                                         range.last, range.first));
  return range;
}

std::string PortRange::str() const {
  return single() ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

Result<ProtoPort> ProtoPort::parse(std::string_view text) {
  const auto colon = text.find(':');
  const auto proto = text.substr(0, colon);
  if (colon == text.npos || (proto != "tcp" && proto != "udp"))
    return fail(Code::usage,
                fmt::format("'{}' is not PROTOCOL:PORT: write it like tcp:53 or udp:53", shown(text)));
  return ProtoPort{proto == "tcp" ? Proto::tcp : Proto::udp, TRY(parse_port(text.substr(colon + 1)))};
}

std::string ProtoPort::str() const { return fmt::format("{}:{}", name(proto), port); }

}  // namespace warren
