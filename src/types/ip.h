// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren {

enum class Family : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address, in network byte order. v4 uses the first four bytes, the rest stay zero.
class Ip {
 public:
  Ip() = default;
  /// Strict: dotted quad without leading zeros, or RFC 4291 text; no scope id. Error: usage.
  [[nodiscard]] static Result<Ip> parse(std::string_view text);
  [[nodiscard]] static Ip v4(std::uint32_t host_order);
  [[nodiscard]] static Ip v6(const std::array<std::uint8_t, 16>& bytes);
  /// From 4 or 16 raw bytes in network order.
  [[nodiscard]] static Ip from_bytes(const std::uint8_t* bytes, Family family);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::v4; }
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return is_v4() ? 4 : 16; }
  [[nodiscard]] unsigned bits() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  /// v4 only: the address as a number.
  [[nodiscard]] std::uint32_t to_u32() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_unspecified() const;
  /// RFC 5952 text for v6.
  [[nodiscard]] std::string str() const;
  /// As in "[v6]:port" and "v4:port".
  [[nodiscard]] std::string bracketed() const { return is_v4() ? str() : "[" + str() + "]"; }

  auto operator<=>(const Ip&) const = default;

 private:
  Family family_ = Family::v4;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A network: address with the host bits zero, and its prefix length.
class Cidr {
 public:
  Cidr() = default;
  /// "100.64.0.0/16"; host bits must be zero. Error: usage.
  [[nodiscard]] static Result<Cidr> parse(std::string_view text);
  Cidr(Ip network, unsigned prefix) : network_(network), prefix_(static_cast<std::uint8_t>(prefix)) {}

  [[nodiscard]] const Ip& network() const { return network_; }
  [[nodiscard]] unsigned prefix() const { return prefix_; }
  [[nodiscard]] bool contains(const Ip& ip) const;
  [[nodiscard]] std::string str() const { return network_.str() + "/" + std::to_string(prefix_); }

  auto operator<=>(const Cidr&) const = default;

 private:
  Ip network_;
  std::uint8_t prefix_ = 32;
};

/// An address of an interface with the length of its network's prefix.
struct IpPrefix {
  Ip ip;
  std::uint8_t prefix = 32;

  /// "192.0.2.5/24"; without a prefix it is alone in its network. Error: usage.
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] std::string str() const { return ip.str() + "/" + std::to_string(prefix); }
  auto operator<=>(const IpPrefix&) const = default;
};

/// A 48-bit Ethernet address.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};
  /// Six bytes in hexadecimal, with colons between. Error: usage.
  [[nodiscard]] static Result<Mac> parse(std::string_view text);
  /// Not of a group, and not zero: fit to be an interface's.
  [[nodiscard]] bool is_unicast() const { return (bytes[0] & 1) == 0 && *this != Mac{}; }
  [[nodiscard]] std::string str() const;
  auto operator<=>(const Mac&) const = default;
};

}  // namespace warren
