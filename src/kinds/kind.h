// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/host.h"
#include "host/host_view.h"
#include "host/kernel.h"
#include "model/failure.h"
#include "model/plan.h"
#include "rooms/room.h"
#include "store/store.h"
#include "types/id_map.h"

namespace warren::kinds {

/// When a kind's steps run. Things leave in the reverse order of the table of kinds, and are made in its
/// order, so that what stands on something else goes before that and comes after it.
enum class Phase : std::uint8_t { leave, make };

/// The doors, and what is known, while the steps of one plan run.
struct Context {
  host::Kernel& kernel;
  store::Store& store;
  const model::Settings& settings;
  const host::HostFacts& facts;
  std::vector<model::SpaceFailure>&
      failures;  ///< spaces that are not whole; what stands on them is left alone
  std::vector<model::SpaceFailure>& device_failures;  ///< of devices; the space itself is whole
  std::vector<std::string>& said;                     ///< what the operator is to be told, a line each
  const std::map<SpaceNumber, IdRuns>& owners;        ///< whose IDs new namespaces belong to; else the host's
  rooms::RoomSource* begun =
      nullptr;  ///< the namespaces that come, where somebody has begun with them already
  model::Progress progress = {};
  /// Called when a device has come or gone.
  std::function<void(bool came, const model::Space&, const model::Device&)> tell = {};
};

/// What there is to be seen of one space, on a thread that stands inside it.
struct Sight {
  const host::HostView& view;
  const host::HostFacts& facts;
  const model::Settings& settings;
  netlink::Socket* inside = nullptr;  ///< opened inside; null: it has no namespace
};

/// The aspects of each thing of a space: item and aspects.
class ItemFacts {
 public:
  ItemFacts(model::Facts& to, std::uint32_t space, std::uint8_t kind) : to_(to), space_(space), kind_(kind) {}
  void add(std::uint8_t item, std::uint32_t aspects, bool pending = false) {
    to_.push_back({space_, kind_, item, aspects, pending});
  }

 private:
  model::Facts& to_;
  std::uint32_t space_;
  std::uint8_t kind_;
};

/// A space under settings, as two states of the store have it.
struct Wanted {
  const model::Space& space;
  const model::Settings& settings;
};

/// A kind of thing that belongs to spaces: how it is wanted, seen, told and made. A row of engine/kinds.h.
struct Kind {
  std::string_view name;
  /// Pure: what must be so. Of a space that is up, the aspects of each thing; of one that is not, each of its
  /// things without aspects.
  void (*want)(const Wanted& wanted, ItemFacts out);
  /// Pure: what is so of `after` where all that `before` wants stands; both are up.
  void (*keep)(const Wanted& before, const Wanted& after, ItemFacts out);
  /// What is so, of a space that is to be up; for one that is not, what is left of it on the host.
  void (*see)(const Sight& sight, const model::Space& space, ItemFacts out);
  /// Pure: the links of the host that belong to these things, by name.
  void (*host_links)(const Wanted& wanted, std::vector<std::string>& names);
  /// Pure: what is wrong, in the words of `check`, a line each, without the space.
  void (*say)(const model::Step& step, const model::Settings& settings, std::vector<std::string>& lines);
  /// Runs the steps of all spaces, many at a time. What fails of one space goes to `failures`; an error is
  /// one of all.
  Status (*run)(Phase phase, std::span<const model::Step> steps, Context& context);
};

}  // namespace warren::kinds
