// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "base/unique_fd.h"

namespace warren::proxy {

/// A pipe through which splice(2) moves pages. Default: none.
struct Pipe {
  UniqueFd out;  ///< to read from
  UniqueFd in;   ///< to write to
  [[nodiscard]] bool valid() const { return in.valid(); }
};

/// Empty pipes, kept for the next who needs one: making a pipe takes longer than many a transfer.
class PipePool {
 public:
  explicit PipePool(int size) : size_(size) {}
  /// Not valid: no descriptors are left.
  [[nodiscard]] Pipe take();
  /// Only empty ones.
  void give(Pipe pipe);

 private:
  static constexpr std::size_t kKept = 32;
  int size_;
  std::vector<Pipe> idle_;
};

}  // namespace warren::proxy
