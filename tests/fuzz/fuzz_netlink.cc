// SPDX-License-Identifier: GPL-2.0-or-later
// Messages that no kernel would send: every view stays inside its bytes, and every walk ends.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <linux/rtnetlink.h>
#include <vector>

#include "netlink/link.h"
#include "netlink/nft_dump.h"
#include "netlink/view.h"

namespace {

using namespace warren::netlink;

/// Walks attributes as if each held more of them.
std::size_t walk(std::span<const std::byte> bytes, int depth) {
  std::size_t count = 0;
  for (const auto& attr : AttrRange(bytes)) {
    const auto* begin = attr.payload.data();
    if (begin < bytes.data() || begin + attr.payload.size() > bytes.data() + bytes.size()) std::abort();
    if (attr.text().size() > attr.payload.size()) std::abort();
    if (attr.as<std::uint64_t>() && attr.payload.size() < 8) std::abort();
    if (++count > bytes.size()) std::abort();
    if (depth > 0) walk(attr.payload, depth - 1);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own size, so that a byte too far is seen.
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> copy(bytes, bytes + size);
  const std::span<const std::byte> payload(copy);
  walk(payload, 3);
  (void)parse_link({RTM_NEWLINK, payload});
  (void)parse_ruleset_change({0x0a0f, payload});  // NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN
  return 0;
}
