// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <utility>

#include "base/place.h"
#include "netlink/socket.h"
#include "nft/runner.h"

namespace warren::host {

/// The doors to the host's kernel, each opened when it is first needed. All belong to the namespace in
/// which they were opened, so that is done on a thread that never leaves the host's.
class Kernel {
 public:
  explicit Kernel(Place place) : place_(std::move(place)) {}

  /// Where what is noted of this kernel is kept.
  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] Result<netlink::Socket*> route();      ///< NETLINK_ROUTE
  [[nodiscard]] Result<netlink::Socket*> netfilter();  ///< NETLINK_NETFILTER
  [[nodiscard]] Result<nft::Runner*> nft();

 private:
  Place place_;
  std::optional<netlink::Socket> route_;
  std::optional<netlink::Socket> netfilter_;
  std::optional<nft::Runner> nft_;
};

}  // namespace warren::host
