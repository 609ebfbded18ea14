// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren::nft {

/// A service that the kernel translates: 127.0.0.1:port inside a space -> to:to_port.
struct InnerService {
  Proto proto = Proto::tcp;
  Port port = 0;
  Ip to;
  Port to_port = 0;

  auto operator<=>(const InnerService&) const = default;
};

/// The map of the inner table that holds them.
inline constexpr const char* kInnerMap = "services";

/// Table `inet warren` inside a space, whole; it replaces the one that stands there. Without services: none.
[[nodiscard]] std::string inner_text(const IfName& link, const Ip& address,
                                     const std::vector<InnerService>& services);

}  // namespace warren::nft
