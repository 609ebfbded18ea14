// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren::model {

/// Where a service really is: "127.0.0.1:3306", "db.example:3306", "[fd00::5]:3306" or "unix:/run/x.sock".
class Target {
 public:
  [[nodiscard]] static Result<Target> parse(std::string_view text);

  [[nodiscard]] const std::optional<Ip>& ip() const { return ip_; }
  [[nodiscard]] const std::string& host() const { return host_; }  ///< a name to look up, or empty
  [[nodiscard]] const std::string& path() const { return path_; }  ///< of a Unix socket, or empty
  [[nodiscard]] Port port() const { return port_; }
  [[nodiscard]] bool is_loopback() const;  ///< of the host: the kernel alone cannot lead a space there
  [[nodiscard]] std::string str() const;
  bool operator==(const Target&) const = default;

 private:
  std::optional<Ip> ip_;
  std::string host_;
  std::string path_;
  Port port_ = 0;
};

/// How a space gets to the target.
enum class ServiceMode : std::uint8_t {
  nat,    ///< the kernel alone translates 127.0.0.1:PORT; the target sees the space's address
  proxy,  ///< warrend takes the connection inside the space, on 127.0.0.1 and [::1]
};
/// What a proxy tells the target of the space: the PROXY protocol of HAProxy, version 1 or 2.
enum class ProxyHeader : std::uint8_t { none, v1, v2 };
enum class ScopeKind : std::uint8_t { all, only, except };
inline constexpr auto kLastServiceMode = ServiceMode::proxy;
inline constexpr auto kLastProxyHeader = ProxyHeader::v2;
inline constexpr auto kLastScopeKind = ScopeKind::except;

/// The spaces that have a service.
struct Scope {
  ScopeKind kind = ScopeKind::all;
  std::vector<SpaceName> spaces;  ///< sorted

  [[nodiscard]] bool covers(const SpaceName& space) const;
  /// Could a space be in both?
  [[nodiscard]] bool meets(const Scope& other) const;
  bool operator==(const Scope&) const = default;
};

/// Something on the host or elsewhere that spaces reach at 127.0.0.1:PORT and [::1]:PORT.
struct Service {
  ServiceName name;
  Proto proto = Proto::tcp;
  Port port = 0;  ///< inside the spaces
  Target target;
  ServiceMode mode = ServiceMode::proxy;
  ProxyHeader header = ProxyHeader::none;
  Scope scope;

  bool operator==(const Service&) const = default;
};

[[nodiscard]] std::string_view name(ServiceMode mode);
[[nodiscard]] std::string_view name(ProxyHeader header);

/// What cannot be: a Unix socket, a name or a loopback address by nat, a header by nat, UDP with a header or
/// to a Unix socket. Error: usage, with the remedy.
[[nodiscard]] Status check(const Service& service);

/// A user or a group whose sessions land in a space.
struct Member {
  enum class Kind : std::uint8_t { user, group };
  Kind kind = Kind::user;
  UserName name;

  /// "alice" or "@staff".
  [[nodiscard]] static Result<Member> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  auto operator<=>(const Member&) const = default;
};

}  // namespace warren::model
