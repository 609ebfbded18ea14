// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/space.h"

namespace warren::model {

/// A port specification as the user writes it: [[ADDR:]HOSTPORT:]PORT[/tcp|udp|both].
struct ForwardSpec {
  std::vector<Proto> protos;  ///< one, or both
  std::optional<Ip> host;
  std::optional<PortRange> ports;  ///< on the host; nothing: a free one is to be picked
  Port to = 1;

  /// Error: usage, naming the text and what is wrong with it.
  [[nodiscard]] static Result<ForwardSpec> parse(std::string_view text);
  /// One forward per protocol, with `ports` as the host's ports where none were given.
  [[nodiscard]] std::vector<Forward> forwards(PortRange free) const;
};

}  // namespace warren::model
