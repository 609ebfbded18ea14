// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/service.h"

#include <algorithm>
#include <fmt/format.h>

namespace warren::model {
namespace {

constexpr std::size_t kLongestPath = 107;  // sockaddr_un, with its zero
constexpr std::size_t kLongestHost = 253;  // RFC 1035

bool is_host_name(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  // The last label of a name is never a number: that is an address with a mistake.
  const auto last = text.substr(text.rfind('.') + 1);
  if (std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; })) return false;
  return !text.empty() && text.size() <= kLongestHost && text.front() != '-' && text.front() != '.' &&
         std::ranges::all_of(text, good);
}

Status check_path(std::string_view path) {
  const bool control = std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (path.starts_with('/') && path.size() <= kLongestPath && !control) return {};
  return fail(Code::usage, fmt::format("'{}': a Unix socket is an absolute path of at most {} characters",
                                       shown(path), kLongestPath));
}

/// Takes "[v6]:" or "HOST:" off the front.
Result<std::string_view> take_place(std::string_view& text) {
  const auto whole = text;
  const auto bad = [&] {
    return fail(
        Code::usage,
        fmt::format("target '{}': write ADDRESS:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH", shown(whole)));
  };
  const bool bracket = text.starts_with('[');
  const auto end = bracket ? text.find("]:") : text.find(':');
  if (end == text.npos || (!bracket && text.find(':', end + 1) != text.npos)) return bad();
  const auto place = text.substr(bracket ? 1 : 0, bracket ? end - 1 : end);
  text.remove_prefix(end + (bracket ? 2 : 1));
  if (bracket && place.find(':') == place.npos) return bad();
  return place;
}

std::unexpected<Error> cannot(const Service& service, std::string_view why) {
  return fail(Code::usage,
              fmt::format("service {} to {}: {}", service.name.str(), service.target.str(), why));
}

}  // namespace

Result<Target> Target::parse(std::string_view text) {
  Target target;
  if (text.starts_with("unix:")) {
    target.path_ = text.substr(5);
    TRY(check_path(target.path_));
    return target;
  }
  auto rest = text;
  const auto place = TRY(take_place(rest));
  target.port_ = TRY(parse_port(rest));
  if (const auto ip = Ip::parse(place))
    target.ip_ = *ip;
  else if (is_host_name(place))
    target.host_ = place;
  else
    return fail(Code::usage, fmt::format("target '{}': '{}' is neither an address nor a host name",
                                         shown(text), shown(place)));
  if (target.ip_ && target.ip_->is_unspecified())
    return fail(Code::usage, fmt::format("target '{}': nothing can be reached at {}", shown(text), place));
  return target;
}

bool Target::is_loopback() const { return ip_ && ip_->is_loopback(); }

std::string Target::str() const {
  if (!path_.empty()) return "unix:" + path_;
  return fmt::format("{}:{}", ip_ ? ip_->bracketed() : host_, port_);
}

bool Scope::covers(const SpaceName& space) const {
  if (kind == ScopeKind::all) return true;
  const bool listed = std::ranges::find(spaces, space) != spaces.end();
  return listed == (kind == ScopeKind::only);
}

bool Scope::meets(const Scope& other) const {
  if (kind != ScopeKind::only && other.kind != ScopeKind::only) return true;
  const auto& named = kind == ScopeKind::only ? *this : other;
  const auto& rest = kind == ScopeKind::only ? other : *this;
  return std::ranges::any_of(named.spaces, [&](const auto& space) { return rest.covers(space); });
}

std::string_view name(ServiceMode mode) { return mode == ServiceMode::nat ? "nat" : "proxy"; }

std::string_view name(ProxyHeader header) {
  switch (header) {
    case ProxyHeader::none:
      return "none";
    case ProxyHeader::v1:
      return "v1";
    case ProxyHeader::v2:
      return "v2";
  }
  return "?";
}

Status check(const Service& service) {
  const auto& target = service.target;
  const bool udp = service.proto == Proto::udp;
  if (udp && !target.path().empty()) return cannot(service, "UDP has no Unix socket to go to");
  if (udp && service.header != ProxyHeader::none)
    return cannot(service, "the PROXY protocol is for TCP: leave --proxy-protocol out");
  if (service.mode == ServiceMode::proxy) return {};
  if (service.header != ProxyHeader::none)
    return cannot(service, "the kernel writes no PROXY header: use --mode proxy");
  if (!target.path().empty())
    return cannot(service, "the kernel cannot translate to a Unix socket: use --mode proxy");
  if (!target.ip())
    return cannot(service, "the kernel needs an address, not a name: give that, or use --mode proxy");
  if (!target.ip()->is_v4())
    return cannot(service, "a space's 127.0.0.1 is translated to IPv4 only: use --mode proxy");
  if (target.is_loopback())
    return cannot(service,
                  "what listens on the host's 127.0.0.1 alone cannot be reached by nat: let it listen on the "
                  "spaces' gateway address too and name that, or use --mode proxy");
  return {};
}

Result<Member> Member::parse(std::string_view text) {
  Member member;
  if (text.starts_with('@')) {
    member.kind = Kind::group;
    text.remove_prefix(1);
  }
  member.name = TRY(UserName::parse(text));
  return member;
}

std::string Member::str() const { return (kind == Kind::group ? "@" : "") + name.str(); }

}  // namespace warren::model
