// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/etc_file.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/unique_fd.h"
#include "sys/file.h"
#include "sys/lock_holders.h"

namespace warren::sys {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 50;
constexpr auto kEditPause = 100ms;

/// What we are about to put in place of something: nobody else's by its name, and ours alone by the lock.
std::string draft_of(const std::string& path) { return path + ".warren"; }
std::string lock_of(const std::string& path) { return path + ".lock"; }

/// A file that is there by nobody's hand but ours.
Result<UniqueFd> make_fresh(const std::string& path, mode_t mode) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove " + path);
  return open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/// The PID that a lock names; nothing where it is gone, or names none.
std::optional<pid_t> holder_of(const std::string& lock) {
  const UniqueFd fd(::open(lock.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  char text[32];
  const auto size = fd.valid() ? ::read(fd.get(), text, sizeof text) : -1;
  if (size <= 0) return std::nullopt;
  pid_t pid = 0;
  if (std::from_chars(text, text + size, pid).ec != std::errc{} || pid <= 0) return std::nullopt;
  return pid;
}

bool lives(pid_t pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

/// The lock of lckpwdf(3), which itself waits by SIGALRM: no way in a program of several threads.
Result<UniqueFd> lock_passwords() {
  constexpr const char* path = "/etc/.pwd.lock";
  auto fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
  for (int attempt = 0; attempt < kTries; ++attempt) {
    struct flock whole {};
    whole.l_type = F_WRLCK;
    if (::fcntl(fd.get(), F_OFD_SETLK, &whole) == 0) return fd;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
      return fail_errno(errno, "lock " + std::string(path));
    std::this_thread::sleep_for(kEditPause);
  }
  return fail(Code::failed,
              fmt::format("{} is changing users and groups (it has locked {}): try again when it is done",
                          named(lock_holders(fd.get())), path));
}

/// Makes the link FILE.lock to `mine`. What a process that lives no more has left is taken away; no two
/// programs do that at once, since both have the lock of lckpwdf.
Status link_lock(const std::string& path, const std::string& mine) {
  const auto lock = lock_of(path);
  std::string holder;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (::link(mine.c_str(), lock.c_str()) == 0) return {};
    if (errno != EEXIST) return fail_errno(errno, "make " + lock);
    const auto pid = holder_of(lock);
    if (!pid || !lives(*pid)) {
      if (::unlink(lock.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove " + lock);
      continue;
    }
    holder = fmt::format("PID {}", *pid);
    std::this_thread::sleep_for(kEditPause);
  }
  return fail(Code::failed, fmt::format("{} is being changed by {} ({}): try again when it is done", path,
                                        holder.empty() ? "others" : holder, lock));
}

Status take_one(const std::string& path) {
  const auto mine = draft_of(path);
  const auto text = std::to_string(::getpid());
  {
    const auto fd = TRY(make_fresh(mine, 0600));
    TRY(write_all(fd.get(), std::string_view(text.c_str(), text.size() + 1),
                  mine));  // with its NUL, as shadow
  }
  auto linked = link_lock(path, mine);
  ::unlink(mine.c_str());
  return linked;
}

struct Looks {
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0644;
};

Result<Looks> looks_of(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return Looks{};
    return fail_errno(errno, "look at " + path);
  }
  if (!S_ISREG(file.st_mode))
    return fail(Code::failed, path + " is no plain file: only such a one is replaced");
  return Looks{file.st_uid, file.st_gid, static_cast<mode_t>(file.st_mode & 07777)};
}

Status sync_directory(const std::string& path) {
  const auto directory = path.substr(0, path.rfind('/'));
  const auto fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "write " + directory);
  return {};
}

}  // namespace

Result<EtcLock> EtcLock::take(const std::vector<std::string>& paths) {
  EtcLock lock(TRY(lock_passwords()));
  for (const auto& path : paths) {
    TRY(take_one(path));
    lock.links_.push_back(lock_of(path));
  }
  return lock;
}

bool EtcLock::left_behind(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    struct stat file {};
    const auto pid = holder_of(lock_of(path));
    if (::lstat(draft_of(path).c_str(), &file) == 0 || (pid && !lives(*pid))) return true;
  }
  return false;
}

EtcLock::~EtcLock() {
  for (const auto& link : links_) ::unlink(link.c_str());
}

Result<std::optional<std::string>> read_etc_file(const std::string& path) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) == 0 && S_ISLNK(file.st_mode))
    return fail(Code::failed, path + " is a symbolic link: only a plain file is read and replaced");
  return read_plain_file(path, O_NOFOLLOW);
}

Status replace_etc_file(const EtcLock&, const std::string& path, std::string_view text) {
  const auto looks = TRY(looks_of(path));
  const auto next = draft_of(path);
  {
    const auto fd = TRY(make_fresh(next, 0600));
    TRY(write_all(fd.get(), text, next));
    if (::fchown(fd.get(), looks.owner, looks.group) != 0 || ::fchmod(fd.get(), looks.mode) != 0 ||
        ::fsync(fd.get()) != 0)
      return fail_errno(errno, "write " + next);
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return fail_errno(errno, "write " + path);
  return sync_directory(path);
}

}  // namespace warren::sys
