// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/pipes.h"

#include <array>
#include <fcntl.h>

namespace warren::proxy {

Pipe PipePool::take() {
  if (!idle_.empty()) {
    Pipe pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) return {};
  // Refused where the user's share of pipe pages is used up: a small pipe works too.
  ::fcntl(fds[1], F_SETPIPE_SZ, size_);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void PipePool::give(Pipe pipe) {
  if (idle_.size() < kKept) idle_.push_back(std::move(pipe));
}

}  // namespace warren::proxy
