// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/address.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace warren::proxy {
namespace {

/// Reads or writes the storage as the address type of its family, without aliasing it.
template <class T>
T as(const sockaddr_storage& storage) {
  static_assert(sizeof(T) <= sizeof(sockaddr_storage));
  T result;
  std::memcpy(&result, &storage, sizeof result);
  return result;
}

template <class T>
socklen_t put(sockaddr_storage& storage, const T& address) {
  std::memcpy(&storage, &address, sizeof address);
  return sizeof address;
}

}  // namespace

Address Address::of(const Ip& ip, Port port) {
  Address result;
  if (ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, ip.data(), ip.size());
    result.size_ = put(result.storage_, in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, ip.data(), ip.size());
    result.size_ = put(result.storage_, in);
  }
  return result;
}

Result<Address> Address::of_path(std::string_view path) {
  sockaddr_un un{};
  if (path.empty() || path.size() >= sizeof un.sun_path)
    return fail(Code::usage, "a Unix socket's path has 1 to " + std::to_string(sizeof un.sun_path - 1) +
                                 " characters: " + std::string(path));
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  Address result;
  result.size_ = put(result.storage_, un);
  return result;
}

Address Address::from(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    const auto in = as<sockaddr_in>(storage);
    return of(Ip::v4(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto in = as<sockaddr_in6>(storage);
    return of(Ip::from_bytes(in.sin6_addr.s6_addr, Family::v6), ntohs(in.sin6_port));
  }
  return {};
}

const sockaddr* Address::get() const {
  return static_cast<const sockaddr*>(static_cast<const void*>(&storage_));
}

Ip Address::ip() const {
  if (family() == AF_INET) return Ip::v4(ntohl(as<sockaddr_in>(storage_).sin_addr.s_addr));
  if (family() == AF_INET6) return Ip::from_bytes(as<sockaddr_in6>(storage_).sin6_addr.s6_addr, Family::v6);
  return {};
}

Port Address::port() const {
  // The port stands at the same place in both families.
  return family() == AF_INET || family() == AF_INET6 ? ntohs(as<sockaddr_in>(storage_).sin_port) : Port{0};
}

std::string Address::str() const {
  if (is_unix()) return std::string("unix:") + as<sockaddr_un>(storage_).sun_path;
  if (size_ == 0) return "nowhere";
  return ip().bracketed() + ":" + std::to_string(port());
}

bool Address::operator==(const Address& other) const {
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

}  // namespace warren::proxy
