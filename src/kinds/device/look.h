// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "host/host_view.h"
#include "kinds/device/aspects.h"
#include "netlink/socket.h"

namespace warren::device {

/// A device as it is inside its space.
struct DeviceInside {
  std::optional<netlink::Link> link;
  std::vector<IpPrefix> addresses;  ///< all that it has, whoever gave them
  bool gateways = false;            ///< there are all the default routes that it should have
};

/// The devices of the space, in its order, by a socket that was opened inside.
[[nodiscard]] Result<std::vector<DeviceInside>> look_at_devices(netlink::Socket& inside,
                                                                const model::Space& space);
/// The same, by a thread that enters the space; nothing where it has no namespace.
[[nodiscard]] std::vector<DeviceInside> look_at_devices(const Place& place, const model::Space& space);

/// Is this link of the space the device, as warren makes it? `host`: what is on the host.
[[nodiscard]] bool is_whole(const model::Space& space, const model::Device& device, const netlink::Link& link,
                            const host::HostView& host);
/// Is the end or shim that warren made for it on the host still there?
[[nodiscard]] bool host_end_is_left(const model::Space& space, const model::Device& device,
                                    const host::HostView& host);
/// What is right of it.
[[nodiscard]] Parts judge(const model::Space& space, const model::Device& device, const DeviceInside& inside,
                          const host::HostView& host);

/// MACVLAN_MODE_* or IPVLAN_MODE_*.
[[nodiscard]] std::uint32_t kernel_mode(model::DeviceMode mode);

}  // namespace warren::device
