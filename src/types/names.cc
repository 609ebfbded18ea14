// SPDX-License-Identifier: GPL-2.0-or-later
#include "types/names.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/log.h"

namespace warren {
namespace {

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

bool made_of(std::string_view text, std::string_view signs) {
  return std::ranges::all_of(
      text, [&](char c) { return letter(c) || digit(c) || signs.find(c) != std::string_view::npos; });
}

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 32 && (letter(text[0]) || text[0] == '_') && made_of(text, "_.-");
}

}  // namespace

std::string shown(std::string_view text) {
  return printable(text.substr(0, 80)) + (text.size() > 80 ? "..." : "");
}

template <>
Result<SpaceName> SpaceName::parse(std::string_view text) {
  if (is_word(text)) return SpaceName(text);
  return fail(Code::usage,
              fmt::format("'{}' cannot name a space: use 1 to 32 letters, digits, '_', '.', '-', "
                          "beginning with a letter or '_'",
                          shown(text)));
}

template <>
Result<IfName> IfName::parse(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= kIfNameMax && text != "." && text != ".." && made_of(text, "_.@:+-");
  if (good) return IfName(text);
  return fail(Code::usage,
              fmt::format("'{}' cannot name an interface: use 1 to {} letters, digits, '_', '.', '-'",
                          shown(text), kIfNameMax));
}

template <>
Result<UserName> UserName::parse(std::string_view text) {
  auto body = text;
  if (body.ends_with('$')) body.remove_suffix(1);
  const bool good = !body.empty() && text.size() <= 32 && body[0] != '-' && body != "." && body != ".." &&
                    made_of(body, "_.-");
  if (good) return UserName(text);
  return fail(Code::usage, fmt::format("'{}' is no user or group name", shown(text)));
}

template <>
Result<ServiceName> ServiceName::parse(std::string_view text) {
  if (is_word(text)) return ServiceName(text);
  return fail(Code::usage,
              fmt::format("'{}' cannot name a service: use 1 to 32 letters, digits, '_', '.', '-', "
                          "beginning with a letter or '_'",
                          shown(text)));
}

template <>
Result<OwnerName> OwnerName::parse(std::string_view text) {
  if (UserName::parse(text) && !std::ranges::all_of(text, digit) && text != kFreedOwner)
    return OwnerName(text);
  return fail(Code::usage,
              fmt::format("'{}' cannot own IDs: write the name of a space or of a user", shown(text)));
}

template <>
Result<MapName> MapName::parse(std::string_view text) {
  const bool good =
      !text.empty() && text.size() <= 40 && text[0] != '.' && text[0] != '-' && made_of(text, "_.-");
  if (good) return MapName(text);
  return fail(Code::usage, fmt::format("'{}' cannot name a map: use 1 to 40 letters, digits, '_', '.', '-', "
                                       "beginning with a letter, a digit or '_'",
                                       shown(text)));
}

}  // namespace warren
