// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "host/host.h"
#include "kinds/uplink/aspects.h"
#include "rooms/room.h"

namespace warren::uplink {

/// One space on its way to being whole.
struct Site {
  const model::Settings& settings;
  const host::HostFacts& facts;
  const model::Space& space;
  model::Wiring wiring;
};

/// Creates the link pair of the space.
[[nodiscard]] Status connect(netlink::Socket& host, const Site& site, const rooms::Room& room);
/// A namespace that somebody else made must leave room for our default routes. Error: exists.
[[nodiscard]] Status check_adopted(rooms::Room& room);
/// Puts `parts` right inside the namespace.
[[nodiscard]] Status furnish_inside(rooms::Room& room, const Site& site, Parts parts);
/// Makes an inner end that came up before its peer send at once: what it sends until a worker of the kernel
/// has seen to it is dropped, and costs a first connection a second. To ask for a link settles that (since
/// Linux 6.8).
[[nodiscard]] Status settle_inside(rooms::Room& room, const Site& site, Parts parts);
/// Waits, shortly, until the kernel's worker has made the new IPv6 address its own: before that a first
/// connection loses its answer.
void await_address6(rooms::Room& room, const Site& site);
/// Puts `parts` right on the host's side, all but IPv6 forwarding and route. Gives the index of the host end.
[[nodiscard]] Result<int> furnish_outside(netlink::Socket& host, const Site& site, Parts parts);

// Left for last, when all links of an operation are up. Each link that comes up makes the kernel walk all
// IPv6 routes of the host, and the sysctl spins while another thread makes namespaces.

/// Switches IPv6 forwarding of the host end on, and router advertisements off. These exist below /proc/sys
/// only.
[[nodiscard]] Status switch_forwarding6(const Site& site);
/// Adds the host's IPv6 route to the space to the batch: one request.
void route6(netlink::Batch& batch, const Site& site, int index);

}  // namespace warren::uplink
