// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/request.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace warren::guest {
namespace {

constexpr std::size_t kLongestHostname = 64;  // as the kernel has it

std::unexpected<Error> no_bind(std::string_view text, const char* why) {
  return fail(Code::usage, fmt::format("bind '{}': {}: write SRC:DST or SRC:DST:ro, as in /srv/web:/srv:ro",
                                       shown(text), why));
}

}  // namespace

Result<Bind> Bind::parse(std::string_view text) {
  Bind bind;
  auto rest = text;
  const auto first = rest.find(':');
  if (first == std::string_view::npos) return no_bind(text, "it says not where to");
  bind.from = rest.substr(0, first);
  rest.remove_prefix(first + 1);
  const auto second = rest.find(':');
  bind.to = rest.substr(0, second);
  if (second != std::string_view::npos) {
    if (rest.substr(second + 1) != "ro") return no_bind(text, "only 'ro' may follow the second colon");
    bind.read_only = true;
  }
  if (!bind.from.starts_with('/') || !bind.to.starts_with('/'))
    return no_bind(text, "both paths begin with '/'");
  if (bind.to.find_first_not_of('/') == std::string::npos) return no_bind(text, "'/' is what --rootfs shows");
  return bind;
}

Status check_hostname(const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.' || c == '_'; };
  if (!name.empty() && name.size() <= kLongestHostname && std::ranges::all_of(name, good)) return {};
  return fail(Code::usage, fmt::format("host name '{}': write 1 to {} letters, digits, '-', '_' and '.'",
                                       shown(name), kLongestHostname));
}

}  // namespace warren::guest
