// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren {

/// What somebody typed, made fit for a message: one line, no control characters, not too long.
[[nodiscard]] std::string shown(std::string_view text);

/// A name that was checked on the way in: safe as a file name, in nft text and in a message.
template <class Tag>
class CheckedName {
 public:
  CheckedName() = default;
  [[nodiscard]] static Result<CheckedName> parse(std::string_view text);
  [[nodiscard]] const std::string& str() const { return text_; }
  [[nodiscard]] const char* c_str() const { return text_.c_str(); }
  auto operator<=>(const CheckedName&) const = default;

 private:
  explicit CheckedName(std::string_view text) : text_(text) {}
  std::string text_;
};

/// [A-Za-z_][A-Za-z0-9_.-]*, 1 to 32 characters. Begins with no digit, so that a number is never a name.
using SpaceName = CheckedName<struct SpaceNameTag>;
/// A network interface: 1 to 15 characters of [A-Za-z0-9_.@:+-], not "." or "..".
using IfName = CheckedName<struct IfNameTag>;
inline constexpr std::size_t kIfNameMax = 15;  ///< characters: IFNAMSIZ without the terminating zero

/// A login name or a group's: 1 to 32 characters of [A-Za-z0-9_.-], not beginning with '-', not "." or "..".
/// A
/// '$' may end it.
using UserName = CheckedName<struct UserNameTag>;
/// A service: as a space.
using ServiceName = CheckedName<struct ServiceNameTag>;
/// Whose an ID block is, a space or a user: as a login name, but not digits alone, which /etc/subuid takes
/// for a UID, and not kFreedOwner.
using OwnerName = CheckedName<struct OwnerNameTag>;
/// What /etc/subuid has in place of an owner while a block is nobody's.
inline constexpr std::string_view kFreedOwner = "warren.freed";
/// An ID map: 1 to 40 characters of [A-Za-z0-9_.-], beginning with a letter, a digit or '_'.
using MapName = CheckedName<struct MapNameTag>;

template <>
Result<SpaceName> SpaceName::parse(std::string_view text);
template <>
Result<IfName> IfName::parse(std::string_view text);
template <>
Result<UserName> UserName::parse(std::string_view text);
template <>
Result<ServiceName> ServiceName::parse(std::string_view text);
template <>
Result<OwnerName> OwnerName::parse(std::string_view text);
template <>
Result<MapName> MapName::parse(std::string_view text);

/// The number of a space, from which all that identifies it derives. 1 is the host itself.
using SpaceNumber = std::uint16_t;
inline constexpr SpaceNumber kHostNumber = 1;
inline constexpr SpaceNumber kFirstNumber = 2;
inline constexpr SpaceNumber kLastNumber = 65534;

}  // namespace warren
