// SPDX-License-Identifier: GPL-2.0-or-later
// What the guest sees of files. The tree belongs to its root, who may have put a symbolic link anywhere:
// every path in it is looked up as below a root of its own.
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "guest/plan.h"
#include "sys/mounts.h"

namespace warren::guest {
namespace {

constexpr std::uint64_t kPlain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kBare = kPlain | MOUNT_ATTR_NOEXEC;

Status mount_at(int root, const std::string& path, int mount) {
  const auto over = TRY(sys::find_or_make_below(root, path, true));
  TRY_WRAP("mount " + path, sys::attach(mount, over.get()));
  return {};
}

constexpr std::array kDevices{"null", "zero", "full", "random", "urandom", "tty"};

/// The host's, for the guest may make none.
Result<std::vector<UniqueFd>> take_devices() {
  std::vector<UniqueFd> devices;
  for (const std::string name : kDevices) devices.push_back(TRY(sys::copy_mount("/dev/" + name, false)));
  return devices;
}

Status put_devices(int dev, const std::vector<UniqueFd>& devices) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const UniqueFd node(::openat(dev, kDevices[i], O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
    if (!node.valid()) return fail_errno(errno, fmt::format("make /dev/{}", kDevices[i]));
    TRY_WRAP(fmt::format("mount /dev/{}", kDevices[i]), sys::attach(devices[i].get(), node.get()));
  }
  return {};
}

Status put_names(int dev) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kLinks{{{"fd", "/proc/self/fd"},
                                                                       {"stdin", "/proc/self/fd/0"},
                                                                       {"stdout", "/proc/self/fd/1"},
                                                                       {"stderr", "/proc/self/fd/2"},
                                                                       {"ptmx", "pts/ptmx"}}};
  for (const auto& [name, target] : kLinks)
    if (::symlinkat(target, dev, name) != 0) return fail_errno(errno, fmt::format("make /dev/{}", name));
  if (::mkdirat(dev, "pts", 0755) != 0 || ::mkdirat(dev, "shm", 0777) != 0 ||
      ::fchmodat(dev, "shm", 01777, 0) != 0)
    return fail_errno(errno, "make a directory in /dev");
  return {};
}

Status furnish_dev(Plan& plan, int root) {
  const auto devices = TRY(take_devices());  // before the new /dev may lie over the host's
  constexpr std::array kOptions{sys::MountOption{"mode", "755"}};
  const auto dev = TRY(sys::fresh_mount("tmpfs", MOUNT_ATTR_NOSUID, kOptions));
  constexpr std::array kTerminals{sys::MountOption{"ptmxmode", "666"}, sys::MountOption{"mode", "620"},
                                  sys::MountOption{"gid", "5"}};
  plan.devpts = TRY(sys::fresh_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, kTerminals));
  TRY(mount_at(root, "/dev", dev.get()));
  TRY(put_names(dev.get()));
  TRY(put_devices(dev.get(), devices));
  return mount_at(dev.get(), "pts", plan.devpts.get());
}

/// The cgroup file system of the new cgroup namespace, where there is one of version 2.
void furnish_cgroups(int root) {
  const auto over = sys::find_below(root, "/sys/fs/cgroup");
  if (!over || !sys::is_directory(over->get())) return;
  const auto cgroups = sys::fresh_mount("cgroup2", kBare);
  if (cgroups) (void)sys::attach(cgroups->get(), over->get());
}

Status furnish_sys(Plan& plan, int root) {
  if (!plan.sys.valid()) plan.sys = TRY(sys::copy_mount("/sys", true));
  TRY(mount_at(root, "/sys", plan.sys.get()));
  if (plan.root) furnish_cgroups(root);
  return {};
}

/// What a program must be able to write, in a tree that nobody may.
Status furnish_scratch(int root) {
  constexpr std::array kTmp{sys::MountOption{"mode", "1777"}};
  constexpr std::array kRun{sys::MountOption{"mode", "755"}};
  TRY(mount_at(root, "/tmp", TRY(sys::fresh_mount("tmpfs", kPlain, kTmp)).get()));
  return mount_at(root, "/run", TRY(sys::fresh_mount("tmpfs", kPlain, kRun)).get());
}

Status lay(const Laid& laid, int root) {
  // /etc/resolv.conf is a symbolic link in many trees, to what is not there.
  const std::uint64_t flags = laid.own_etc ? O_NOFOLLOW : 0;
  const bool directory = sys::is_directory(laid.mount.get());
  const auto over = TRY(sys::find_or_make_below(root, laid.to, directory, flags));
  return sys::attach(laid.mount.get(), over.get());
}

std::string own_etc(const Plan& plan) { return plan.request.place.etc_of(plan.request.space.str()); }

Status lay_all(const Plan& plan, int root) {
  for (const auto& one : plan.laid) {
    auto done = lay(one, root);
    if (done) continue;
    auto error = std::move(done.error()).wrap("bind " + one.to);
    if (!one.own_etc) return std::unexpected(std::move(error));
    warn(fmt::format("{}: {}", own_etc(plan), error.what));  // as `exec` does
  }
  return {};
}

std::uint64_t read_only(bool wanted) { return wanted ? MOUNT_ATTR_RDONLY : 0; }

/// Makes the tree the root directory; the host's goes.
Status turn_to(int tree) {
  if (::fchdir(tree) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0)
    return fail_errno(errno, "make the tree the root directory");
  if (::umount2(".", MNT_DETACH) != 0) return fail_errno(errno, "let go of the host's files");
  return {};
}

std::unexpected<Error> in_tree(const Request& request, Error error) {
  if (request.rootfs.empty()) return std::unexpected(std::move(error));
  if (error.sys == EROFS) error.what += ": make it there before";
  return std::unexpected(std::move(error).wrap("--rootfs " + request.rootfs));
}

Status stand(const Plan& plan) {
  if (plan.request.rootfs.empty() && ::chdir(plan.directory.c_str()) == 0) return {};
  if (::chdir("/") != 0) return fail_errno(errno, "enter the root directory");
  return {};
}

/// Where the host's root directory lies in its file system: often a subvolume.
Result<std::string> place_of_host() {
  struct statx root {};
  if (::statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) != 0) return fail_errno(errno, "look at /");
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::uint64_t id = 0;
    std::string parent, device, place;
    if (words >> id >> parent >> device >> place && id == root.stx_mnt_id) return place;
  }
  return "/";
}

bool is_host(int directory) {
  struct stat host {
  }, info{};
  return ::stat("/", &host) == 0 && ::fstat(directory, &info) == 0 && host.st_dev == info.st_dev &&
         host.st_ino == info.st_ino;
}

/// Looks for it at the end of its place, and of each part of that: "/a/b", "/b", "/".
Result<bool> holds_host(int tree) {
  for (auto place = TRY(place_of_host());;) {
    const auto there = sys::find_below(tree, place);
    if (there && is_host(there->get())) return true;
    if (place == "/") return false;
    const auto next = place.find('/', 1);
    place = next == std::string::npos ? "/" : place.substr(next);
  }
}

/// Idmapped, the host's files would be the guest's root's.
Status check_tree(const Plan& plan) {
  const auto& name = plan.request.rootfs;
  if (!sys::is_directory(plan.tree.get()))
    return fail(Code::usage, fmt::format("--rootfs: {} is no directory", shown(name)));
  if (TRY(holds_host(plan.tree.get())))
    return fail(Code::usage,
                fmt::format("--rootfs: {} is the host's root directory, or holds it, and its files would be "
                            "the guest's: without --rootfs the guest sees them with the rights of others",
                            shown(name)));
  return {};
}

/// All that lies in the root directory.
Status furnish(Plan& plan, int root, int proc) {
  TRY(mount_at(root, "/proc", proc));
  TRY(furnish_sys(plan, root));
  TRY(furnish_dev(plan, root));
  if (plan.request.read_only) TRY(furnish_scratch(root));
  return lay_all(plan, root);
}

/// The files of /etc/netns/SPACE lie over /etc, as for `exec`, below the binds.
Status open_own_etc(Plan& plan) {
  const auto directory = own_etc(plan);
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
    auto source = sys::copy_mount(entry.path().string(), true);
    if (!source) {
      warn(source.error().what);
      continue;
    }
    TRY(sys::set_attributes(source->get(), MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY, true));
    plan.laid.push_back({std::move(*source), "/etc/" + entry.path().filename().string(), true});
  }
  return {};
}

}  // namespace

Status open_sources(Plan& plan) {
  const auto& request = plan.request;
  if (!request.rootfs.empty()) {
    plan.tree = TRY_WRAP("--rootfs", sys::copy_mount(request.rootfs, false));
    TRY(check_tree(plan));
    if (plan.root) TRY_WRAP("--rootfs " + request.rootfs, sys::show_as(plan.tree.get(), plan.userns.get()));
    // A device node in it, root's on disk, is no key to the host's device, wherever the tree came from.
    TRY(sys::set_attributes(plan.tree.get(), MOUNT_ATTR_NODEV | read_only(request.read_only), false));
  }
  TRY(open_own_etc(plan));
  for (const auto& bind : request.binds) {
    auto source = TRY_WRAP("--bind", sys::copy_mount(bind.from, true));
    // A device that was named itself is meant.
    const std::uint64_t nodev = sys::is_device(source.get()) ? 0 : MOUNT_ATTR_NODEV;
    TRY(sys::set_attributes(source.get(), nodev | read_only(bind.read_only), true));
    plan.laid.push_back({std::move(source), bind.to});
  }
  return {};
}

Status furnish_tree(Plan& plan) {
  const auto& request = plan.request;
  // A new /proc is allowed only to who sees a whole one.
  const auto proc = TRY(sys::fresh_mount("proc", kBare));
  const UniqueFd host(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!host.valid()) return fail_errno(errno, "open the root directory");
  const int root = request.rootfs.empty() ? host.get() : plan.tree.get();
  if (!request.rootfs.empty()) TRY(sys::attach(root, host.get()));
  if (auto done = furnish(plan, root, proc.get()); !done) return in_tree(request, std::move(done.error()));
  if (!request.rootfs.empty()) TRY(turn_to(root));
  return stand(plan);
}

}  // namespace warren::guest
