// SPDX-License-Identifier: GPL-2.0-or-later
// A terminal of the guest's own, for the .cc files of this folder: its programs never hold the one that
// `warren run` was started at, in which they could type.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::guest {

/// Does standard input, output or error lead to a terminal?
[[nodiscard]] bool at_terminal();

/// Whose the keys are: where output goes elsewhere, another program, such as a pager, may want them.
enum class Keys { not_ours, at_once, when_read };
[[nodiscard]] Keys keys_of(bool boot);

/// The descriptor at which what the guest writes to its terminal is seen.
[[nodiscard]] int screen();
/// Gives the guest's terminal the size of that.
void copy_size(int master);

/// A new terminal of that devpts, as large as the caller's.
struct Terminal {
  UniqueFd master;
  UniqueFd slave;
};
[[nodiscard]] Result<Terminal> open_terminal(int devpts);
/// Shows it at /dev/console of the guest that the calling process stands in.
[[nodiscard]] Status provide_console(int master);
/// Makes it the one of the calling session.
[[nodiscard]] Status take_terminal(int slave);
/// Puts it in the place of the caller's, at those of standard input, output and error that lead to one.
[[nodiscard]] Status use_terminal(int slave);

[[nodiscard]] Status send_fd(int socket, int fd);
/// What send_fd() sent. Error: the other end is closed.
[[nodiscard]] Result<UniqueFd> receive_fd(int socket);

}  // namespace warren::guest
