// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/kernel.h"

#include <linux/netlink.h>

namespace warren::host {
namespace {

Result<netlink::Socket*> opened(std::optional<netlink::Socket>& socket, int protocol) {
  if (!socket) socket = TRY(netlink::Socket::open(protocol));
  return &*socket;
}

}  // namespace

Result<netlink::Socket*> Kernel::route() { return opened(route_, NETLINK_ROUTE); }
Result<netlink::Socket*> Kernel::netfilter() { return opened(netfilter_, NETLINK_NETFILTER); }

Result<nft::Runner*> Kernel::nft() {
  if (!nft_) nft_ = TRY(nft::Runner::open());
  return &*nft_;
}

}  // namespace warren::host
