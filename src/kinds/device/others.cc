// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/others.h"

namespace warren::device {

Others::Others(const std::vector<model::Space>& spaces) {
  for (const auto& space : spaces)
    for (const auto& device : space.devices)
      if (device.parent)
        by_parent_.emplace(device.parent->str(), Owned{space.number, space.name, space.state, device});
}

Result<std::vector<Owned>> Others::on(const IfName& parent) const {
  if (store_) return Others(TRY(store_->load_all())).on(parent);
  std::vector<Owned> all;
  const auto [first, last] = by_parent_.equal_range(parent.str());
  for (auto at = first; at != last; ++at) all.push_back(at->second);
  return all;
}

}  // namespace warren::device
