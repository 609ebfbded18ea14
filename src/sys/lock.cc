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

bool locked(int fd, int how) {
  while (::flock(fd, how) != 0)
    if (errno != EINTR) return false;
  return true;
}

}  // namespace

Result<WriterLock> WriterLock::take() {
  TRY(make_directories(kRunDir));
  auto fd = TRY(open_file(fmt::format("{}/lock", kRunDir), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
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

}  // namespace warren::sys
