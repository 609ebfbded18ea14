// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/live_ids.h"

#include <dirent.h>

#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <sys/stat.h>

#include "sys/netns.h"
#include "sys/userns.h"

namespace warren::sys {
namespace {

std::optional<ino_t> user_namespace(const std::string& process) {
  struct stat file {};
  if (::stat((process + "/ns/user").c_str(), &file) != 0) return std::nullopt;  // it is gone, or not ours
  return file.st_ino;
}

std::optional<pid_t> pid_of(const char* name) {
  const std::string_view text(name);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return pid;
}

/// Those that own a pinned network namespace and are not among the `known`.
Status add_pinned(const Place& place, std::set<ino_t>& known, std::vector<LiveIds>& all) {
  for (const auto& name : TRY(pinned_names(place))) {
    const auto netns = open_netns(place.pin(name));
    const auto owner = netns ? owner_of(netns->get()) : std::unexpected(netns.error());
    struct stat file {};
    if (!owner || ::fstat(owner->get(), &file) != 0 || !known.insert(file.st_ino).second) continue;
    all.push_back({0, name, TRY(runs_of(owner->get()))});
  }
  return {};
}

}  // namespace

Result<std::vector<LiveIds>> live_ids(const Place& place) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return fail_errno(errno, "read /proc");
  std::set<ino_t> known;
  if (const auto own = user_namespace("/proc/self")) known.insert(*own);
  std::vector<LiveIds> all;
  while (const auto* entry = ::readdir(directory.get())) {
    const auto pid = pid_of(entry->d_name);
    if (!pid) continue;
    const auto id = user_namespace(fmt::format("/proc/{}", *pid));
    if (!id || !known.insert(*id).second) continue;
    if (auto runs = runs_of_process(*pid))  // else it is gone: another may show the namespace
      all.push_back({*pid, {}, std::move(*runs)});
    else
      known.erase(*id);
  }
  TRY(add_pinned(place, known, all));
  return all;
}

}  // namespace warren::sys
