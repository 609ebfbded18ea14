// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/ip.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "types/names.h"

namespace warren {

Result<Ip> Ip::parse(std::string_view text) {
  const std::string copy(text.substr(0, INET6_ADDRSTRLEN));  // longer text cannot be an address
  std::array<std::uint8_t, 16> bytes{};
  if (text.size() < INET6_ADDRSTRLEN && text.find('\0') == text.npos) {
    if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return from_bytes(bytes.data(), Family::v4);
    if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return from_bytes(bytes.data(), Family::v6);
  }
  return fail(Code::usage, fmt::format("'{}' is not an IPv4 or IPv6 address", shown(text)));
}

Ip Ip::v4(std::uint32_t host_order) {
  const std::array<std::uint8_t, 4> bytes{
      static_cast<std::uint8_t>(host_order >> 24), static_cast<std::uint8_t>(host_order >> 16),
      static_cast<std::uint8_t>(host_order >> 8), static_cast<std::uint8_t>(host_order)};
  return from_bytes(bytes.data(), Family::v4);
}

Ip Ip::v6(const std::array<std::uint8_t, 16>& bytes) { return from_bytes(bytes.data(), Family::v6); }

Ip Ip::from_bytes(const std::uint8_t* bytes, Family family) {
  Ip ip;
  ip.family_ = family;
  std::copy_n(bytes, ip.size(), ip.bytes_.begin());
  return ip;
}

std::uint32_t Ip::to_u32() const {
  return std::uint32_t{bytes_[0]} << 24 | std::uint32_t{bytes_[1]} << 16 | std::uint32_t{bytes_[2]} << 8 |
         std::uint32_t{bytes_[3]};
}

bool Ip::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_[15] == 1;
}

bool Ip::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

std::string Ip::str() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

namespace {

/// The prefix length of a family, or nothing.
std::optional<unsigned> parse_prefix(std::string_view digits, unsigned most) {
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc{} || end != digits.data() + digits.size() || prefix > most) return std::nullopt;
  return prefix;
}

}  // namespace

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto bad = [&](std::string_view why) {
    return fail(Code::usage, fmt::format("'{}' is no address of an interface: {}", shown(text), why));
  };
  const auto ip = Ip::parse(text.substr(0, slash));
  if (!ip) return bad("write it as ADDRESS/PREFIX, such as 192.0.2.5/24");
  if (ip->is_unspecified() || ip->is_loopback()) return bad("give one that an interface can have");
  if (slash == text.npos) return IpPrefix{*ip, static_cast<std::uint8_t>(ip->bits())};
  const auto prefix = parse_prefix(text.substr(slash + 1), ip->bits());
  if (!prefix || *prefix == 0) return bad(fmt::format("the prefix must be 1 to {}", ip->bits()));
  return IpPrefix{*ip, static_cast<std::uint8_t>(*prefix)};
}

Result<Mac> Mac::parse(std::string_view text) {
  Mac mac;
  const auto bad = [&] {
    return fail(Code::usage,
                fmt::format("'{}' is no MAC: write six bytes such as 02:00:00:00:00:01", shown(text)));
  };
  if (text.size() != 17) return bad();
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
    const char* begin = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != begin + 2 || (i < 5 && *end != ':')) return bad();
  }
  return mac;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto bad = [&](std::string_view why) {
    return fail(Code::usage, fmt::format("'{}' is not a network: {}", shown(text), why));
  };
  if (slash == text.npos) return bad("write it as ADDRESS/PREFIX, such as 100.64.0.0/16");
  const auto ip = Ip::parse(text.substr(0, slash));
  if (!ip) return bad("the part before / is no address");
  const auto length = parse_prefix(text.substr(slash + 1), ip->bits());
  if (!length) return bad(fmt::format("the prefix must be 0 to {}", ip->bits()));
  const auto prefix = *length;
  for (unsigned bit = prefix; bit < ip->bits(); ++bit)
    if (ip->bytes()[bit / 8] & (0x80U >> (bit % 8))) return bad("bits after the prefix must be zero");
  return Cidr(*ip, prefix);
}

bool Cidr::contains(const Ip& ip) const {
  if (ip.family() != network_.family()) return false;
  for (unsigned bit = 0; bit < prefix_; ++bit) {
    const auto mask = 0x80U >> (bit % 8);
    if ((ip.bytes()[bit / 8] & mask) != (network_.bytes()[bit / 8] & mask)) return false;
  }
  return true;
}

std::string Mac::str() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3],
                     bytes[4], bytes[5]);
}

}  // namespace warren
