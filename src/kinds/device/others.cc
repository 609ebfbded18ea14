// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/others.h"

#include "store/devices.h"

namespace warren::device {
namespace {

std::vector<Owned> owned(std::vector<store::Devices::Placed> placed) {
  std::vector<Owned> all;
  for (auto& one : placed)
    all.push_back({one.number, std::move(one.space), one.state, std::move(one.device)});
  return all;
}

template <class Map, class Key>
std::vector<Owned> found(const Map& map, const Key& key) {
  std::vector<Owned> all;
  const auto [first, last] = map.equal_range(key);
  for (auto at = first; at != last; ++at) all.push_back(at->second);
  return all;
}

}  // namespace

Others::Others(const std::vector<model::Space>& spaces) {
  for (const auto& space : spaces)
    for (const auto& device : space.devices) {
      const Owned one{space.number, space.name, space.state, device};
      if (device.parent) by_parent_.emplace(device.parent->str(), one);
      for (const auto& address : device.addresses) by_address_.emplace(address.ip, one);
    }
}

Result<std::vector<Owned>> Others::on(const IfName& parent) const {
  if (store_) return owned(TRY(store_->devices().on(parent)));
  return found(by_parent_, parent.str());
}

Result<std::vector<Owned>> Others::with_address(const Ip& ip) const {
  if (store_) return owned(TRY(store_->devices().with_address(ip)));
  return found(by_address_, ip);
}

}  // namespace warren::device
