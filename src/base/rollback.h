// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace warren {

/// Undo steps that run in reverse order at scope end, unless commit() was called.
class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    while (!undos_.empty()) {
      undos_.back()();
      undos_.pop_back();
    }
  }

  void push(std::move_only_function<void()> undo) { undos_.push_back(std::move(undo)); }
  void commit() { undos_.clear(); }

 private:
  std::vector<std::move_only_function<void()>> undos_;
};

}  // namespace warren
