// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/copy.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
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

/// An empty file, so that nobody else can open what is written to it.
Status make_private(const std::string& path) {
  ::unlink(path.c_str());  // of a process that was killed
  const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.valid()) return fail_errno(errno, path + " cannot be made");
  return {};
}

/// Nothing needs a journal: the file is nobody's before it is whole.
Status write_copy(Database& db, const std::string& path) {
  auto copy = TRY(Database::open(path, Database::Mode::write));
  TRY(copy->execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"));
  TRY(db.copy_into(*copy));
  return copy->execute("PRAGMA journal_mode = DELETE");  // what was copied said WAL
}

Status put_in_place(const std::string& from, const std::string& to) {
  TRY(sync(from, O_RDONLY));
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno(errno, to + " cannot be made");
  const auto parent = std::filesystem::path(to).parent_path();
  return sync(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

Status copy_to_file(Database& db, const std::string& path) {
  const auto part = path + ".part";
  TRY(make_private(part));
  auto done = write_copy(db, part);
  if (done) done = put_in_place(part, path);
  if (!done) ::unlink(part.c_str());
  return done;
}

}  // namespace warren::store
