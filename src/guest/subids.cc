// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/subids.h"

#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <pwd.h>
#include <string>
#include <unistd.h>

#include "sys/file.h"

namespace warren::guest {
namespace {

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

/// What stands before the separator; `text` is left with what stands behind it.
std::string_view cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

Result<std::vector<IdRun>> granted_in(const char* path) {
  const auto uid = ::getuid();
  const auto* entry = ::getpwuid(uid);
  const std::string name = entry ? entry->pw_name : std::to_string(uid);
  auto runs = granted(TRY(sys::read_file(path)), name, uid);
  if (runs.empty())
    return fail(Code::permission, fmt::format("{} grants no IDs to {}: root adds them with `warren id "
                                              "allocate {}` and `warren id export --subuid`",
                                              path, name, name));
  return runs;
}

}  // namespace

std::vector<IdRun> granted(std::string_view text, std::string_view user, uid_t uid) {
  std::vector<IdRun> runs;
  std::uint32_t inside = 0;
  while (!text.empty()) {
    auto line = cut(text, '\n');
    const auto who = cut(line, ':');
    const auto first = number(cut(line, ':')), count = number(line);
    if ((who != user && number(who) != uid) || !first || !count || *count == 0) continue;
    if (*count > UINT32_MAX - inside || *count > UINT32_MAX - *first) continue;
    runs.push_back({inside, *first, *count});
    inside += *count;
  }
  return runs;
}

Result<IdRuns> delegated_ids() {
  return IdRuns{TRY(granted_in("/etc/subuid")), TRY(granted_in("/etc/subgid"))};
}

}  // namespace warren::guest
