// SPDX-License-Identifier: GPL-2.0-or-later
// Between the terminal that `warren run` was started at and the guest's own, for the .cc files of this
// folder.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <termios.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren::guest {

/// Keys go through as they are typed, until the end of the scope.
class RawTerminal {
 public:
  explicit RawTerminal(int terminal);
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal();

 private:
  int terminal_;
  std::optional<termios> before_;
};

/// What is on its way from one end to the other. Nothing here waits.
class Passage {
 public:
  [[nodiscard]] bool full() const { return text_.size() >= kMost; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// Takes up what there is to read, and gives it. Nothing: no more will come.
  [[nodiscard]] std::optional<std::string_view> take(int from);
  /// False: nobody takes it any more.
  [[nodiscard]] bool give(int to);
  void clear() { text_.clear(); }

 private:
  static constexpr std::size_t kMost = 1 << 16;
  std::string text_;
};

/// Has ^] been typed three times within a second?
class Escape {
 public:
  void typed(std::string_view keys);
  [[nodiscard]] bool done() const { return done_; }

 private:
  std::deque<std::chrono::steady_clock::time_point> presses_;
  bool done_ = false;
};

/// Shows what the guest writes to its terminal, and passes on what is typed at ours, once that is wanted.
class Relay {
 public:
  /// Error: the guest's terminal is of no use.
  [[nodiscard]] static Result<Relay> open(UniqueFd master);

  /// The keys are the guest's as soon as that says so.
  void begin_keys_when(UniqueFd asked) { asked_ = std::move(asked); }
  /// From now on keys are the guest's, each as it is typed.
  void begin_keys();
  /// Gives the guest's terminal the size of ours.
  void copy_size() const;
  /// Waits until there was something to do, or the descriptor `wake` has something to read.
  void round(int wake);
  /// The guest has ended: is there still something of it to be shown?
  [[nodiscard]] bool pending();
  [[nodiscard]] bool escaped() const { return escape_.done(); }

 private:
  Relay(UniqueFd master, UniqueFd slave);
  void read_keys();
  void hear_asked();
  void show();

  UniqueFd master_;
  UniqueFd slave_;  ///< so that reading never ends, whatever the guest closes
  UniqueFd keyboard_;
  UniqueFd screen_;
  UniqueFd asked_;
  bool keys_ = false;  ///< are they the guest's, and may more of them come?
  Passage in_, out_;
  Escape escape_;
  std::unique_ptr<RawTerminal> raw_;
};

}  // namespace warren::guest
