// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

namespace warren::sys {
namespace {

constexpr std::size_t kLimit = 16 << 20;
constexpr int kLeastNumber = 10;

Result<std::string> read_all(int fd, const std::string& path, std::size_t limit) {
  std::string text;
  char part[4096];
  while (text.size() < limit) {
    const auto size = ::read(fd, part, sizeof part);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, "read " + path);
    if (size == 0) break;
    text.append(part, static_cast<std::size_t>(size));
  }
  if (text.size() > limit) text.resize(limit);
  return text;
}

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) return fail_errno(errno, "open " + path);
  return fd;
}

Result<UniqueFd> out_of_the_way(int fd) {
  UniqueFd high(::fcntl(fd, F_DUPFD_CLOEXEC, kLeastNumber));
  if (!high.valid()) return fail_errno(errno, "copy a descriptor");
  return high;
}

bool put_at(int fd, int number) {
  return fd == number ? ::fcntl(fd, F_SETFD, 0) == 0 : ::dup2(fd, number) >= 0;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const auto fd = TRY(open_file(path, O_RDONLY));
  return read_all(fd.get(), path, limit);
}

// A FIFO or a terminal must not hold up who opens it, nor become his.
Result<std::optional<std::string>> read_plain_file(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return std::nullopt;
  if (!fd.valid()) return fail_errno(errno, "open " + path);
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) return fail_errno(errno, "look at " + path);
  if (!S_ISREG(file.st_mode)) return fail(Code::failed, path + " is no plain file");
  auto text = TRY(read_all(fd.get(), path, kLimit + 1));
  if (text.size() > kLimit) return fail(Code::failed, path + " is over 16 MiB");
  return text;
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(errno, "write " + path);
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

Status write_existing(const std::string& path, std::string_view text) {
  const auto fd = TRY(open_file(path, O_WRONLY));
  return write_all(fd.get(), text, path);
}

Status write_atomically(const std::string& path, std::string_view text) {
  const auto next = path + ".new";
  {
    const auto fd = TRY(open_file(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    TRY(write_all(fd.get(), text, next));
    if (::fsync(fd.get()) != 0) return fail_errno(errno, "write " + next);
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return fail_errno(errno, "write " + path);
  return {};
}

Status make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_errno(error.value(), "make the directory " + path);
  return {};
}

}  // namespace warren::sys
