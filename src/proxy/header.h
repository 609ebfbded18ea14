// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/address.h"

namespace warren::proxy {

/// The PROXY protocol of HAProxy (doc/proxy-protocol.txt): what tells the target who is there.
enum class Header : std::uint8_t { none, v1, v2 };

/// A connection as it is seen in the space: both addresses of one family.
struct Passage {
  Address source;       ///< the space's own address, the client's port
  Address destination;  ///< where the client connected to
  std::string_view space;
};

/// The bytes that go ahead of the first of the client. Version 2 names the space too (PP2_TYPE_NETNS).
[[nodiscard]] std::string header_text(Header version, const Passage& passage);

}  // namespace warren::proxy
