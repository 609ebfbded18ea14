// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/live_ids.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>

#include "sys/file.h"
#include "sys/netns.h"
#include "sys/userns.h"
#include "types/id_range.h"

namespace warren::sys {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::optional<ino_t> user_namespace(const std::string& process) {
  struct stat file {};
  if (::stat((process + "/ns/user").c_str(), &file) != 0) return std::nullopt;  // it is gone, or not ours
  return file.st_ino;
}

std::vector<IdRun> read_runs(const std::string& path) {
  std::vector<IdRun> runs;
  std::istringstream lines(read_file(path).value_or(""));
  IdRun run;
  while (lines >> run.inside >> run.outside >> run.count)
    if (run.outside <= kLastId) runs.push_back(run);  // else of a namespace that we are below of
  std::ranges::sort(runs);
  return runs;
}

std::optional<pid_t> pid_of(const char* name) {
  const std::string_view text(name);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return pid;
}

/// Those that own a pinned network namespace and are not among the `known`.
Status add_pinned(std::set<ino_t>& known, std::vector<LiveIds>& all) {
  for (const auto& name : TRY(pinned_names())) {
    const auto netns = open_netns(std::string(kNetnsDir) + "/" + name);
    const auto owner = netns ? owner_of(netns->get()) : std::unexpected(netns.error());
    struct stat file {};
    if (!owner || ::fstat(owner->get(), &file) != 0 || !known.insert(file.st_ino).second) continue;
    all.push_back({0, name, TRY(runs_of(owner->get()))});
    std::ranges::sort(all.back().runs.uid);
    std::ranges::sort(all.back().runs.gid);
  }
  return {};
}

}  // namespace

Result<std::vector<LiveIds>> live_ids() {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
  if (!directory) return fail_errno(errno, "read /proc");
  std::set<ino_t> known;
  if (const auto own = user_namespace("/proc/self")) known.insert(*own);
  std::vector<LiveIds> all;
  while (const auto* entry = ::readdir(directory.get())) {
    const auto pid = pid_of(entry->d_name);
    if (!pid) continue;
    const auto process = fmt::format("/proc/{}", *pid);
    const auto id = user_namespace(process);
    if (!id || !known.insert(*id).second) continue;
    all.push_back({*pid, {}, {read_runs(process + "/uid_map"), read_runs(process + "/gid_map")}});
  }
  TRY(add_pinned(known, all));
  return all;
}

}  // namespace warren::sys
