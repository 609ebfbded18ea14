// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/netns.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace warren::daemon {

/// Where in a space its processes find a service: 127.0.0.1:PORT or [::1]:PORT.
struct Endpoint {
  SpaceName space;
  Proto proto = Proto::tcp;
  Port port = 0;
  Family family = Family::v4;
  auto operator<=>(const Endpoint&) const = default;
  [[nodiscard]] std::string str() const;  ///< "web1 tcp 127.0.0.1:3306"
};

/// A listening socket, and the namespace that it belongs to.
struct Opened {
  Endpoint place;
  sys::NetnsId netns;
  UniqueFd fd;
};
struct NotOpened {
  Endpoint place;
  Error error;
};
struct Openings {
  std::vector<Opened> opened;
  std::vector<NotOpened> failed;
};

/// Makes the sockets, each inside its space, on a thread that ends there: the caller's namespace stays what
/// it is. `endpoints` sorted, so that each space is entered once.
[[nodiscard]] Openings open_endpoints(const Place& place, const std::vector<Endpoint>& endpoints);

/// What a socket is by the kernel's own word; its namespace too (SIOCGSKNS). `space` is for the caller to
/// say. Error: it is no listening socket on a loopback address.
[[nodiscard]] Result<Opened> inspect(UniqueFd fd, const SpaceName& space);

}  // namespace warren::daemon
