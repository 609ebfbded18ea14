// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/space.h"
#include "store/store.h"

namespace warren::device {

/// A device, and the space that has it.
struct Owned {
  SpaceNumber number = 0;
  SpaceName space;
  model::State state = model::State::up;
  model::Device device;
};

/// The devices of all spaces, to be found by what they sit on: those that may be in each other's way.
class Others {
 public:
  /// As the store has them; each question asks it anew.
  explicit Others(store::Store& store) : store_(&store) {}
  /// As they are to be: all spaces there are.
  explicit Others(const std::vector<model::Space>& spaces);

  /// Those whose parent is this interface of the host; their addresses are left out.
  [[nodiscard]] Result<std::vector<Owned>> on(const IfName& parent) const;
  /// Those that have this address, on whatever segment.
  [[nodiscard]] Result<std::vector<Owned>> with_address(const Ip& ip) const;

 private:
  store::Store* store_ = nullptr;
  std::multimap<std::string, Owned> by_parent_;
  std::multimap<Ip, Owned> by_address_;
};

}  // namespace warren::device
