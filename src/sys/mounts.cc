// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/mounts.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warren::sys {
namespace {

UniqueFd open_below(int root, const std::string& path, std::uint64_t flags, std::uint64_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < 100; ++tries) {  // EAGAIN: something above was renamed meanwhile
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
    if (fd.valid() || errno != EAGAIN) return fd;
  }
  return UniqueFd();
}

Status make_directory(int root, const std::filesystem::path& path) {
  const auto parent = open_below(root, path.parent_path().string(), O_PATH | O_DIRECTORY, 0);
  if (!parent.valid() || (::mkdirat(parent.get(), path.filename().c_str(), 0755) != 0 && errno != EEXIST))
    return fail_errno(errno, "make the directory " + path.string());
  return {};
}

Status make_all(int root, const std::filesystem::path& path) {
  std::filesystem::path so_far = "/";
  for (const auto& part : path.relative_path()) {
    so_far /= part;
    if (!open_below(root, so_far.string(), O_PATH, 0).valid()) TRY(make_directory(root, so_far));
  }
  return {};
}

}  // namespace

Result<UniqueFd> copy_mount(const std::string& path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  UniqueFd fd(::open_tree(AT_FDCWD, path.c_str(), flags));
  if (!fd.valid()) return fail_errno(errno, "show " + path);
  return fd;
}

Result<UniqueFd> fresh_mount(const char* type, std::uint64_t attributes,
                             std::span<const MountOption> options) {
  const UniqueFd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context.valid()) return fail_errno(errno, fmt::format("make a file system of type {}", type));
  for (const auto& [key, value] : options)
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) != 0)
      return fail_errno(errno, fmt::format("set {} of a {}", key, type));
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return fail_errno(errno, fmt::format("make a {}", type));
  UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount.valid()) return fail_errno(errno, fmt::format("mount a {}", type));
  return mount;
}

Status set_attributes(int mount, std::uint64_t attributes, bool recursive) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  wanted.propagation = MS_PRIVATE;
  const auto flags = static_cast<unsigned>(AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0));
  if (::mount_setattr(mount, "", flags, &wanted, sizeof wanted) != 0)
    return fail_errno(errno, "restrict a mount");
  return {};
}

Status make_writable(int mount) {
  mount_attr wanted{};
  wanted.attr_clr = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(mount, "", AT_EMPTY_PATH, &wanted, sizeof wanted) != 0)
    return fail_errno(errno, "make a mount writable");
  return {};
}

Status show_as(int mount, int userns) {
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_IDMAP;
  wanted.userns_fd = static_cast<std::uint64_t>(userns);
  if (::mount_setattr(mount, "", AT_EMPTY_PATH, &wanted, sizeof wanted) == 0) return {};
  if (errno != EINVAL) return fail_errno(errno, "map the owners of its files");
  return fail(Code::unsupported,
              "this kernel cannot map the owners of files on its file system: put the tree on ext4, xfs or "
              "btrfs (tmpfs: Linux 6.3 and later)");
}

Status attach(int mount, int over) {
  if (::move_mount(mount, "", over, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail_errno(errno, "mount");
  return {};
}

Result<UniqueFd> find_below(int root, const std::string& path) {
  auto fd = open_below(root, path, O_PATH, 0);
  if (!fd.valid()) return fail_errno(errno, "open " + path);
  return fd;
}

Result<UniqueFd> find_or_make_below(int root, const std::string& path, bool directory, std::uint64_t flags) {
  if (auto fd = open_below(root, path, O_PATH | flags, 0); fd.valid()) return fd;
  if (errno != ENOENT) return fail_errno(errno, "open " + path);
  if (auto link = open_below(root, path, O_PATH | O_NOFOLLOW, 0); link.valid()) return link;
  const auto normal = std::filesystem::path(path).lexically_normal();
  TRY(make_all(root, directory ? normal : normal.parent_path()));
  if (!directory && !open_below(root, path, O_WRONLY | O_CREAT | O_EXCL, 0644).valid())
    return fail_errno(errno, "make " + path);
  return find_below(root, path);
}

bool is_directory(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_device(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode));
}

}  // namespace warren::sys
