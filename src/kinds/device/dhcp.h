// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/place.h"
#include "model/space.h"
#include "netlink/socket.h"

namespace warren::device {

/// The system's DHCP client. Error: unsupported, with the packages that have one.
[[nodiscard]] Result<std::vector<std::string>> find_client();
/// The PID of the client of this device, while it runs.
[[nodiscard]] std::optional<pid_t> client_of(const Place& place, const model::Space& space,
                                             const model::Device& device);
[[nodiscard]] bool client_runs(const Place& place, const model::Space& space, const model::Device& device);
/// Starts it inside the namespace, where none runs. It outlives this process.
[[nodiscard]] Status start_client(const Place& place, const model::Space& space, const model::Device& device,
                                  int netns, const Cidr& pool);
/// Is there one, or a lease that it got?
[[nodiscard]] bool has_client(const Place& place, const model::Space& space, const model::Device& device);
/// Ends it, undoes its lease where the device stays (`inside`: a socket of the space, else null), and forgets
/// what it said of name servers. None is fine.
[[nodiscard]] Status stop_client(const Place& place, const model::Space& space, const model::Device& device,
                                 netlink::Socket* inside);
/// Is it a client, or what one has called? No tenant's process.
[[nodiscard]] bool is_of_client(pid_t pid);

}  // namespace warren::device
