// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/lock.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <sys/file.h>
#include <thread>

#include "base/log.h"
#include "sys/file.h"

namespace warren::sys {
namespace {

constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kPatienceForGuests = std::chrono::seconds(5);
constexpr auto kPause = std::chrono::milliseconds(20);

bool locked(int fd, int how) {
  while (::flock(fd, how) != 0)
    if (errno != EINTR) return false;
  return true;
}

Result<UniqueFd> open_lock(const char* name, int access) {
  TRY(make_directories(kRunDir));
  return open_file(fmt::format("{}/{}", kRunDir, name), access | O_CREAT | O_NOFOLLOW, 0600);
}

}  // namespace

Result<WriterLock> WriterLock::take() {
  auto fd = TRY(open_lock("lock", O_RDWR));
  if (locked(fd.get(), LOCK_EX | LOCK_NB)) return WriterLock(std::move(fd));
  // Says so when it takes long; the wait itself is the kernel's, first come first served.
  std::jthread notice([](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock hold(mutex);
    std::condition_variable_any done;
    if (!done.wait_for(hold, stop, kPatience, [&] { return stop.stop_requested(); }) &&
        !stop.stop_requested())
      warn("waiting for another warren to finish");
  });
  if (!locked(fd.get(), LOCK_EX)) return fail_errno(errno, "lock /run/warren/lock");
  return WriterLock(std::move(fd));
}

Result<IdsLock> IdsLock::share() {
  auto fd = TRY(open_lock("ids.lock", O_RDONLY));
  if (!locked(fd.get(), LOCK_SH)) return fail_errno(errno, "lock /run/warren/ids.lock");
  return IdsLock(std::move(fd));
}

Result<IdsLock> IdsLock::take() {
  auto fd = TRY(open_lock("ids.lock", O_RDONLY));
  const auto end = std::chrono::steady_clock::now() + kPatienceForGuests;
  while (!locked(fd.get(), LOCK_EX | LOCK_NB)) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock /run/warren/ids.lock");
    if (std::chrono::steady_clock::now() > end)
      return fail(
          Code::failed,
          fmt::format("a guest has been starting for {} seconds, and what IDs it will have is not seen "
                      "before that is done: try again, or end that `warren run`",
                      kPatienceForGuests.count()));
    std::this_thread::sleep_for(kPause);
  }
  return IdsLock(std::move(fd));
}

// In so many words, for a process that was forked meanwhile has the descriptor, too.
IdsLock::~IdsLock() {
  if (fd_.valid()) (void)locked(fd_.get(), LOCK_UN);
}

}  // namespace warren::sys
