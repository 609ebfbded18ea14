// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::sys {

/// Opens with O_CLOEXEC. Error names the path.
[[nodiscard]] Result<UniqueFd> open_file(const std::string& path, int flags, unsigned mode = 0);
/// The same descriptor again, closed by exec, with a number (10 or higher) that put_at() is never asked for.
[[nodiscard]] Result<UniqueFd> out_of_the_way(int fd);
/// Makes `number` a descriptor of the same file as `fd`, which a program that is executed keeps. dup2(2)
/// alone does not do that where both are the same already. Safe after a fork among threads. False: errno says
/// why.
[[nodiscard]] bool put_at(int fd, int number);
/// All that a file holds, at most `limit` bytes of it.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);
/// All of a plain file, in whose place another's hand may have put anything; nothing where there is none.
/// `flags` are of open(2), such as O_NOFOLLOW. Error: it is something else, or over 16 MiB.
[[nodiscard]] Result<std::optional<std::string>> read_plain_file(const std::string& path, int flags = 0);
/// Writes the whole text, in as many writes as that takes. Error names the path, which is for that alone.
[[nodiscard]] Status write_all(int fd, std::string_view text, const std::string& path);
/// Writes into a file that exists, in one write: for /proc/sys.
[[nodiscard]] Status write_existing(const std::string& path, std::string_view text);
/// Replaces the file so that a reader, and a crash, sees the old text or the new one.
[[nodiscard]] Status write_atomically(const std::string& path, std::string_view text);
/// Makes the directory and its parents (mode 0755); one that exists is fine.
[[nodiscard]] Status make_directories(const std::string& path);

}  // namespace warren::sys
