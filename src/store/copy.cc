// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/copy.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace warren::store {
namespace {

Status sync(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return fail_errno(errno, path + " could not be written to disk");
  return {};
}

/// Nothing needs a journal: the file is nobody's before it is whole.
Status write_copy(Database& db, const std::string& path) {
  auto copy = TRY(Database::open(path, Database::Mode::write));
  TRY(copy->execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"));
  TRY(db.copy_into(*copy));
  return copy->execute("PRAGMA journal_mode = DELETE");  // what was copied said WAL
}

/// Not every file system can rename only where nothing is.
Status rename_to(const std::string& from, const std::string& to, bool replace) {
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return {};
  if (errno == EINVAL && ::faccessat(AT_FDCWD, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
      ::rename(from.c_str(), to.c_str()) == 0)
    return {};
  return fail_errno(errno, to + " cannot be made");
}

Status put_in_place(const std::string& from, const std::string& to, bool replace) {
  TRY(sync(from, O_RDONLY));
  TRY(rename_to(from, to, replace));
  const auto parent = std::filesystem::path(to).parent_path();
  return sync(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

Status make_private(const std::string& path) {
  ::unlink(path.c_str());  // of a process that was killed
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.valid()) return fail_errno(errno, path + " cannot be made");
  return {};
}

Status copy_to_file(Database& db, const std::string& path, bool replace) {
  const auto part = fmt::format("{}.part-{}", path, ::getpid());
  TRY(make_private(part));
  auto done = write_copy(db, part);
  if (done) done = put_in_place(part, path, replace);
  if (!done) ::unlink(part.c_str());
  return done;
}

}  // namespace warren::store
