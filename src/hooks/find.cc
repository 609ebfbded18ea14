// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks/find.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "hooks/run.h"

namespace warren::hooks {
namespace {

constexpr std::string_view kInside = ".inside";

void refuse(const std::string& path, std::string_view why) {
  warn(fmt::format("hook {} is not run: {}", printable(path), why));
}

void refuse_all(const std::string& folder, std::string_view why) {
  warn(fmt::format("hooks in {} are not run: {}", folder, why));
}

/// Why root must not run this, or what lies in it. Write access by an access list shows in the group's bits.
std::string_view distrust(const struct stat& info) {
  if (info.st_uid != 0) return "root does not own it; `chown root` it";
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "its group or others may write to it; `chmod go-w` it";
  return {};
}

/// The folder at the end of the path, opened step by step from the first part on. An invalid descriptor where
/// there is none, or none to be trusted.
UniqueFd open_trusted(const std::vector<std::string>& parts) {
  UniqueFd at;
  std::string path;
  for (const auto& part : parts) {
    path += path.empty() ? part : "/" + part;
    UniqueFd next(::openat(at.valid() ? at.get() : AT_FDCWD, part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid() && errno != ENOENT) refuse_all(path, std::strerror(errno));
    if (!next.valid()) return next;
    struct stat info {};
    const bool folder = ::fstat(next.get(), &info) == 0 && S_ISDIR(info.st_mode);
    if (const auto why = folder ? distrust(info) : "it is no directory"; !why.empty()) {
      refuse_all(path, why);
      return {};
    }
    at = std::move(next);
  }
  return at;
}

std::vector<std::string> names_in(const UniqueFd& folder) {
  std::vector<std::string> names;
  const int fd = ::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : ::fdopendir(fd), ::closedir);
  while (const auto* entry = entries ? ::readdir(entries.get()) : nullptr)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

std::string_view fault(const struct stat& info) {
  if (S_ISLNK(info.st_mode)) return "it is a symbolic link; put the file itself there";
  if (!S_ISREG(info.st_mode)) return "it is no regular file";
  if (const auto why = distrust(info); !why.empty()) return why;
  if ((info.st_mode & S_IXUSR) == 0) return "it is not executable; `chmod +x` it, or take it away";
  return {};
}

/// A file that is open for the path only is opened through its descriptor, and so is the same.
bool is_script(const UniqueFd& file) {
  const UniqueFd fd(::open(fmt::format("/proc/self/fd/{}", file.get()).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2> begin{};
  return fd.valid() && ::read(fd.get(), begin.data(), begin.size()) == 2 && begin[0] == '#' &&
         begin[1] == '!';
}

void add_hook(Event event, const UniqueFd& folder, const std::string& path, const std::string& file,
              std::vector<Hook>& hooks) {
  Hook hook{path + "/" + file, file, {}, file.ends_with(kInside), false};
  hook.fd = UniqueFd(::openat(folder.get(), file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!hook.fd.valid() || ::fstat(hook.fd.get(), &info) != 0) return refuse(hook.path, std::strerror(errno));
  if (const auto why = fault(info); !why.empty()) return refuse(hook.path, why);
  if (hook.inside && !has_inside(event))
    return refuse(hook.path, fmt::format("at {} the space has no inside", name(event)));
  hook.script = is_script(hook.fd);
  hooks.push_back(std::move(hook));
}

void add_folder(Event event, const std::vector<std::string>& parts, std::vector<Hook>& hooks) {
  const auto folder = open_trusted(parts);
  if (!folder.valid()) return;
  const auto path = fmt::format("{}", fmt::join(parts, "/"));
  for (const auto& file : names_in(folder)) add_hook(event, folder, path, file, hooks);
}

std::string folder_of_space(const Place& place, const SpaceName& space) {
  return fmt::format("{}/spaces/{}/hooks.d", place.config(), space.str());
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

bool any(const Place& place) {
  return exists(place.config() + "/hooks.d") || exists(place.config() + "/spaces");
}

bool wanted(const Place& place, Event event, const SpaceName& space) {
  return exists(fmt::format("{}/hooks.d/{}", place.config(), name(event))) ||
         exists(fmt::format("{}/{}", folder_of_space(place, space), name(event)));
}

std::vector<Hook> find_hooks(const Place& place, Event event, const SpaceName& space) {
  std::vector<Hook> hooks;
  const std::string last(name(event));
  add_folder(event, {place.config(), "hooks.d", last}, hooks);
  add_folder(event, {place.config(), "spaces", space.str(), "hooks.d", last}, hooks);
  std::ranges::stable_sort(hooks, {}, &Hook::file);  // of one name, the host's is first
  return hooks;
}

}  // namespace warren::hooks
