// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/glance.h"

#include "kinds/session/index.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "netlink/nft_dump.h"
#include "nft/table.h"

namespace warren::view {

Result<bool> stands(store::Store& store, host::Kernel& kernel, const model::Space& space,
                    const model::Settings& settings) {
  if (!TRY(session::SessionIndex(kernel.place(), store, settings.min_uid).leads_to(space))) return false;
  if (!space.uplink) return true;
  const auto outer = model::wiring(space, settings).outer;
  if (!netlink::link_index(*TRY(kernel.route()), outer)) return false;
  return netlink::has_table(*TRY(kernel.netfilter()), std::string(nft::kTable));
}

}  // namespace warren::view
