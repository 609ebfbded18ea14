// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::sys {

/// A detached copy of the mount at a path, with those below it where `recursive`: shown once it is attached.
[[nodiscard]] Result<UniqueFd> copy_mount(const std::string& path, bool recursive);
/// A detached file system of its own: "tmpfs", "proc". Belongs to the user namespace of the caller.
using MountOption = std::pair<const char*, const char*>;
[[nodiscard]] Result<UniqueFd> fresh_mount(const char* type, std::uint64_t attributes,
                                           std::span<const MountOption> options = {});
/// Sets MOUNT_ATTR_* of a mount, with those below it where `recursive`. What is mounted there later on does
/// not go back to where it was copied from, nor comes from there: it would not have the attributes.
[[nodiscard]] Status set_attributes(int mount, std::uint64_t attributes, bool recursive);
[[nodiscard]] Status make_writable(int mount);
/// Shows owners through the IDs of the user namespace: what is ID 0 on disk is its root's.
[[nodiscard]] Status show_as(int mount, int userns);
/// Attaches a detached mount over what the descriptor stands for.
[[nodiscard]] Status attach(int mount, int over);

/// What a path leads to when `root` is the root directory: neither ".." nor a symbolic link leads out of it.
/// An O_PATH descriptor. Error names the path.
[[nodiscard]] Result<UniqueFd> find_below(int root, const std::string& path);
/// The same; makes it, and the directories that lead there, where it is missing: a directory, or an empty
/// file. A symbolic link there that leads nowhere is the place itself; with O_NOFOLLOW in `flags`, any is.
[[nodiscard]] Result<UniqueFd> find_or_make_below(int root, const std::string& path, bool directory,
                                                  std::uint64_t flags = 0);
[[nodiscard]] bool is_directory(int fd);
[[nodiscard]] bool is_device(int fd);

}  // namespace warren::sys
