// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/result.h"
#include "types/ip.h"
#include "types/port.h"

namespace warren::proxy {

/// Where a connection goes to or comes from: an IP address and a port, or the path of a Unix socket.
class Address {
 public:
  Address() = default;
  [[nodiscard]] static Address of(const Ip& ip, Port port);
  /// Error: usage, longer than a Unix socket's path may be.
  [[nodiscard]] static Result<Address> of_path(std::string_view path);
  /// What accept(2) or getsockname(2) wrote. An unknown family gives an unspecified address.
  [[nodiscard]] static Address from(const sockaddr_storage& storage);

  [[nodiscard]] const sockaddr* get() const;
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] Ip ip() const;
  [[nodiscard]] Port port() const;
  [[nodiscard]] bool is_unix() const { return family() == AF_UNIX; }
  /// "127.0.0.1:3306", "[::1]:3306", "unix:/run/x.sock".
  [[nodiscard]] std::string str() const;
  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace warren::proxy
