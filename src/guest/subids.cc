// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/subids.h"

#include <fmt/format.h>
#include <string>
#include <unistd.h>

#include "sys/file.h"
#include "sys/user.h"
#include "types/id_range.h"

namespace warren::guest {
namespace {

/// What stands before the separator; `text` is left with what stands behind it.
std::string_view cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

Result<std::vector<IdRun>> granted_in(const char* path) {
  const auto uid = ::getuid();
  const auto user = TRY(sys::user_with(uid));
  const auto name = user ? user->name : std::to_string(uid);
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
    const auto first = parse_id(cut(line, ':')), count = parse_id(line);
    if ((who != user && parse_id(who) != uid) || !first || !count || *count == 0) continue;
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
