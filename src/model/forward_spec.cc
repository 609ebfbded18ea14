// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/forward_spec.h"

#include <fmt/format.h>
#include <string>

namespace warren::model {
namespace {

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(Code::usage, fmt::format("port specification '{}': {}", shown(text), why));
}

Result<std::vector<Proto>> parse_protos(std::string_view text) {
  if (text == "tcp") return std::vector{Proto::tcp};
  if (text == "udp") return std::vector{Proto::udp};
  if (text == "both") return std::vector{Proto::tcp, Proto::udp};
  return fail(Code::usage, fmt::format("'{}' is no protocol: write tcp, udp or both", shown(text)));
}

/// "ADDR:rest", "[v6]:rest" or "rest": takes the address off the front of `rest`.
Result<std::optional<Ip>> take_host(std::string_view& rest) {
  if (rest.starts_with('[')) {
    const auto close = rest.find("]:");
    if (close == rest.npos) return fail(Code::usage, "write an IPv6 host address as [ADDR]:PORT:PORT");
    const auto ip = TRY(Ip::parse(rest.substr(1, close - 1)));
    if (ip.is_v4()) return fail(Code::usage, "brackets are for IPv6 addresses");
    rest.remove_prefix(close + 2);
    return ip;
  }
  const auto first = rest.find(':');
  if (first == rest.npos || rest.find(':', first + 1) == rest.npos) return std::nullopt;
  const auto ip = TRY(Ip::parse(rest.substr(0, first)));
  rest.remove_prefix(first + 1);
  return ip;
}

Status check_host(const std::optional<Ip>& host) {
  if (host && host->is_unspecified()) return fail(Code::usage, "leave the address out to mean every address");
  if (host && !host->is_v4() && host->is_loopback())
    return fail(Code::usage, "the kernel cannot translate [::1]; use the host's other addresses");
  return {};
}

/// "HOSTPORTS:PORT" or "PORT" into the specification.
Status take_ports(std::string_view rest, ForwardSpec& spec) {
  const auto colon = rest.find(':');
  const PortRange inside = TRY(PortRange::parse(rest.substr(colon == rest.npos ? 0 : colon + 1)));
  spec.to = inside.first;
  if (colon != rest.npos)
    spec.ports = TRY(PortRange::parse(rest.substr(0, colon)));
  else if (!inside.single())
    spec.ports = inside;
  if (spec.ports && (!spec.ports->single() || !inside.single()) && *spec.ports != inside)
    return fail(Code::usage,
                fmt::format("a range keeps its ports, since the kernel cannot shift one: write {}",
                            inside.single() ? spec.ports->str() : inside.str()));
  return {};
}

Result<ForwardSpec> parse_parts(std::string_view text) {
  ForwardSpec spec;
  auto rest = text;
  const auto slash = rest.rfind('/');
  spec.protos = TRY(parse_protos(slash == rest.npos ? "tcp" : rest.substr(slash + 1)));
  rest = rest.substr(0, slash);
  spec.host = TRY(take_host(rest));
  TRY(check_host(spec.host));
  TRY(take_ports(rest, spec));
  return spec;
}

}  // namespace

Result<ForwardSpec> ForwardSpec::parse(std::string_view text) {
  auto spec = parse_parts(text);
  if (!spec) return bad(text, spec.error().what);
  return spec;
}

std::vector<Forward> ForwardSpec::forwards(PortRange free) const {
  std::vector<Forward> all;
  for (const auto proto : protos) all.push_back({proto, host, ports.value_or(free), to});
  return all;
}

}  // namespace warren::model
