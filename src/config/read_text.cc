// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/read_text.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace warren::config {
namespace {

std::unexpected<Error> unreadable(int sys, const std::string& path) {
  if (sys == ENOENT || sys == ENOTDIR)
    return std::unexpected(Error{Code::usage, sys, fmt::format("{}: there is no such file", path)});
  if (sys == EISDIR)
    return std::unexpected(Error{Code::usage, sys, fmt::format("{}: is a directory: name a file", path)});
  return fail_errno(sys, path);
}

}  // namespace

Result<std::string> read_text(const std::string& path) {
  UniqueFd opened;
  if (path != "-") {
    opened = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!opened.valid()) return unreadable(errno, path);
  }
  const int fd = path == "-" ? STDIN_FILENO : opened.get();
  std::string text;
  constexpr std::size_t kStep = std::size_t{64} << 10;
  for (;;) {
    const auto had = text.size();
    text.resize(had + kStep);
    const auto got = ::read(fd, text.data() + had, kStep);
    text.resize(had + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(errno, path);
    if (got == 0) return text;
    if (text.size() > kMaxFileSize)
      return fail(Code::usage, fmt::format("{}: is over {} MiB: split it", path, kMaxFileSize >> 20));
  }
}

}  // namespace warren::config
