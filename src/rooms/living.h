// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "base/place.h"
#include "base/unique_fd.h"
#include "netlink/socket.h"
#include "types/names.h"

namespace warren::rooms {

/// The kernel's number of a network namespace, SO_NETNS_COOKIE of socket(7): never given twice until the next
/// boot. Names and MACs inside are what whoever lives there makes of them.
using NetnsCookie = std::uint64_t;

/// That of the namespace that the socket was opened in.
[[nodiscard]] Result<NetnsCookie> netns_cookie(const netlink::Socket& socket);

/// Notes which namespace is the space's, in `netns/NAME` where the place keeps what runs.
[[nodiscard]] Status note_netns(const Place& place, const SpaceName& name, NetnsCookie cookie);
[[nodiscard]] Status forget_netns(const Place& place, const SpaceName& name);

/// The namespace that was noted, while processes live in it: what is looked for when somebody deleted its
/// pin.
[[nodiscard]] std::optional<UniqueFd> find_living_netns(const Place& place, const SpaceName& name);

}  // namespace warren::rooms
