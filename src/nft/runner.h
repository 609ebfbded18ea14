// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace warren::nft {

/// A libnftables context. It speaks to the network namespace the calling thread is in; not shared
/// between threads.
class Runner {
 public:
  [[nodiscard]] static Result<Runner> open();
  Runner(Runner&&) noexcept;
  Runner& operator=(Runner&&) noexcept;
  ~Runner();

  /// Runs the text as one transaction: all of it, or nothing. Error: the first line that nft says;
  /// not_found or exists where the kernel said ENOENT or EEXIST.
  [[nodiscard]] Status run(const std::string& text);
  /// Our table's chains and sets as the kernel has them, without elements and counters; empty when there is
  /// none.
  [[nodiscard]] Result<std::string> list_rules();
  /// Any table or chain as JSON (libnftables-json(5)): "list chain ip filter FORWARD".
  [[nodiscard]] Result<std::string> list_json(const std::string& command);

 private:
  struct Context;
  explicit Runner(std::unique_ptr<Context> context);
  [[nodiscard]] Result<std::string> output(const std::string& command, unsigned flags);
  std::unique_ptr<Context> context_;
};

}  // namespace warren::nft
