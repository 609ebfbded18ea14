// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/lock.h"

#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <optional>
#include <sys/file.h>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "sys/file.h"
#include "sys/lock_holders.h"

namespace warren::sys {
namespace {

using std::chrono::milliseconds;

constexpr auto kSilence = std::chrono::seconds(1);  // before it is said who is waited for
constexpr auto kPatienceForGuests = std::chrono::seconds(5);
constexpr auto kPatienceForTakers = std::chrono::minutes(1);
constexpr auto kPause = milliseconds(20);

bool locked(int fd, int how) {
  while (::flock(fd, how) != 0)
    if (errno != EINTR) return false;
  return true;
}

Result<UniqueFd> open_lock(const Place& place, const char* name, int access) {
  TRY(make_directories(place.run));
  return open_file(place.in_run(name), access | O_CREAT | O_NOFOLLOW, 0600);
}

/// A wait for a lock on a thread of its own, which the kernel holds there, first come, first served, and
/// which nothing can call back. Where nobody wants the lock any more the thread closes it as soon as it gets
/// it: the last of the two who have this object does.
struct Wait {
  UniqueFd fd;
  std::mutex mutex;
  std::condition_variable done;
  std::optional<int> error = {};  // of flock(2), once that came back; 0: we have the lock
};

Status start_waiting(const std::shared_ptr<Wait>& wait, int how) {
  try {
    std::thread([wait, how] {
      const int error = locked(wait->fd.get(), how) ? 0 : errno;
      const std::lock_guard hold(wait->mutex);
      wait->error = error;
      wait->done.notify_all();
    }).detach();
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "start a thread");
  }
  return {};
}

/// Locks the file, for which somebody else has a lock; says after a while who that is.
Result<UniqueFd> wait_for(UniqueFd fd, const std::string& path, int how, milliseconds patience) {
  const int same = fd.get();
  const auto wait = std::make_shared<Wait>(std::move(fd));
  TRY(start_waiting(wait, how));
  const auto end = std::chrono::steady_clock::now() + patience;
  std::unique_lock hold(wait->mutex);
  const auto came_back = [&] { return wait->error.has_value(); };
  if (!wait->done.wait_for(hold, std::min<milliseconds>(kSilence, patience), came_back))
    warn("waiting for another warren to finish: " + named(lock_holders(same)));
  if (!wait->done.wait_until(hold, end, came_back))
    return fail(
        Code::failed,
        fmt::format("{} has kept {} locked for {:g} s: see what it waits for, or end it",
                    named(lock_holders(same)), path, std::chrono::duration<double>(patience).count()));
  if (*wait->error != 0) return fail_errno(*wait->error, "lock " + path);
  return std::move(wait->fd);
}

}  // namespace

Result<WriterLock> WriterLock::take(const Place& place, milliseconds patience) {
  constexpr const char* name = "lock";
  auto fd = TRY(open_lock(place, name, O_RDWR));
  if (locked(fd.get(), LOCK_EX | LOCK_NB)) return WriterLock(std::move(fd));
  if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + place.in_run(name));
  if (const auto holders = lock_holders(fd.get()); is_below(holders))
    return fail(Code::failed, fmt::format("{} has the lock, and started this command, for which it may wait: "
                                          "do that once it is done, or by `systemd-run --no-block`",
                                          named(holders)));
  return WriterLock(TRY(wait_for(std::move(fd), place.in_run(name), LOCK_EX, patience)));
}

Result<IdsLock> IdsLock::share(const Place& place) {
  constexpr const char* name = "ids.lock";
  auto fd = TRY(open_lock(place, name, O_RDONLY));
  if (locked(fd.get(), LOCK_SH | LOCK_NB)) return IdsLock(std::move(fd));
  if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + place.in_run(name));
  return IdsLock(TRY(wait_for(std::move(fd), place.in_run(name), LOCK_SH, kPatienceForTakers)));
}

Result<IdsLock> IdsLock::take(const Place& place) {
  auto fd = TRY(open_lock(place, "ids.lock", O_RDONLY));
  const auto end = std::chrono::steady_clock::now() + kPatienceForGuests;
  while (!locked(fd.get(), LOCK_EX | LOCK_NB)) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + place.in_run("ids.lock"));
    if (std::chrono::steady_clock::now() > end)
      return fail(Code::failed,
                  fmt::format("a guest has been starting for {} seconds, and what IDs it will have is not "
                              "seen before that is done: try again, or end {}",
                              kPatienceForGuests.count(), named(lock_holders(fd.get()))));
    std::this_thread::sleep_for(kPause);
  }
  return IdsLock(std::move(fd));
}

// In so many words, for a process that was forked meanwhile has the descriptor, too.
IdsLock::~IdsLock() {
  if (fd_.valid()) (void)locked(fd_.get(), LOCK_UN);
}

}  // namespace warren::sys
