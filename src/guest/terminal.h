// SPDX-License-Identifier: GPL-2.0-or-later
// A terminal of the guest's own, for the .cc files of this folder: its programs never hold the one that
// `warren run` was started at, in which they could type.
#pragma once

#include <optional>
#include <termios.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::guest {

/// Do standard input and output both lead to a terminal?
[[nodiscard]] bool at_terminal();

/// A new terminal of that devpts.
struct Terminal {
  UniqueFd master;
  UniqueFd slave;
};
[[nodiscard]] Result<Terminal> open_terminal(int devpts);
/// Makes it the one of the calling session, and standard input, output and error.
[[nodiscard]] Status adopt_terminal(int slave);

[[nodiscard]] Status send_fd(int socket, int fd);
/// What send_fd() sent. Error: the other end is closed.
[[nodiscard]] Result<UniqueFd> receive_fd(int socket);

/// Gives `master` the size of the terminal that we are at.
void copy_size(int master);
/// One round of that: what the guest's terminal says is shown, what is typed at ours goes to it, key by key.
/// Returns, too, when the signal descriptor has something to read. False: nobody is left at the other end.
[[nodiscard]] bool relay(int master, int signals, bool& input_open);
/// Shows what is left.
void drain(int master);

/// Keys go through as they are typed, until the end of the scope.
class RawTerminal {
 public:
  RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();

 private:
  std::optional<termios> before_;
};

}  // namespace warren::guest
