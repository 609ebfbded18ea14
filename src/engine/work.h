// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "model/plan.h"
#include "netlink/conntrack.h"

namespace warren::engine {

/// From here on the table is changed on a thread of its own, beside the work on links and namespaces.
inline constexpr std::size_t kManyElements = 1000;

/// A device that comes, goes or gets other addresses while its space stands.
struct DeviceStep {
  const model::Space* space = nullptr;
  model::Device device;
};

/// The kernel's part of an operation, in the order in which it is done.
struct Work {
  std::vector<Element> remove;
  std::vector<const model::Space*> tear_down;
  std::vector<DeviceStep> drop_devices;
  std::vector<netlink::FlowMatch> forget_first;  ///< connections through what is removed
  std::vector<model::SpaceChange> build;
  std::vector<DeviceStep> put_devices;    ///< of spaces that stand; those that are built get theirs then
  std::vector<DeviceStep> amend_devices;  ///< those that stay
  std::vector<Element> add;
  std::vector<netlink::FlowMatch> forget_last;  ///< connections that would bypass what is added
};

/// Adds to the work what turns the forwards of a space from `before` into `after`.
void change_forwards(Work& work, const model::Wiring& wiring, const std::vector<model::Forward>& before,
                     const std::vector<model::Forward>& after);
/// What is said where somebody wants forwards into a space without an uplink. Code: usage.
[[nodiscard]] Error no_forwards(const SpaceName& name);
/// Adds what makes a space that is not there.
void build_space(Work& work, const model::Space& space, const model::Settings& settings);
/// Adds what ends a space: elements, connections, link and namespace.
void end_space(Work& work, const model::Space& space, const model::Settings& settings);

}  // namespace warren::engine
