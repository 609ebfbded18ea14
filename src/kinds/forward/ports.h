// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "kinds/operation.h"
#include "model/forward_spec.h"
#include "netlink/sock_diag.h"

namespace warren::forward {

/// The forwards of many spaces, to be found by the host ports that they take.
class PortIndex {
 public:
  void add(const SpaceName& space, const model::Forward& forward);
  /// One that cannot stand beside this one, and whose it is; nothing where there is none.
  [[nodiscard]] const std::pair<SpaceName, model::Forward>* collision(const model::Forward& forward) const;
  /// What is taken of these protocols' ports.
  void collect(const std::vector<Proto>& protos, std::vector<PortRange>& to) const;

 private:
  std::map<Proto, std::multimap<Port, std::pair<SpaceName, model::Forward>>> by_first_;
  std::uint32_t widest_ = 1;  ///< of all ranges
};

/// Turns port specifications into forwards: picks free host ports, and refuses what is taken, by another
/// forward or by a program of the host, naming who has it.
class PortResolver {
 public:
  /// `all`: the state that the operation makes is wholly in memory, and is told of by take(); else the store
  /// knows what stands already.
  PortResolver(kinds::Ask& ask, bool all) : ask_(ask), all_(all) {}

  /// A space has this forward from now on.
  void take(const SpaceName& space, const model::Forward& forward) { taken_.add(space, forward); }
  /// The forwards of one space, sorted; they are taken from now on.
  [[nodiscard]] Result<std::vector<model::Forward>> resolve(const SpaceName& space,
                                                            const std::vector<model::ForwardSpec>& specs);
  /// Error: exists, naming who has the port; usage, where the space itself asks for it twice.
  [[nodiscard]] Status check(const SpaceName& space, const model::Forward& forward);

 private:
  [[nodiscard]] Status check_host(const model::Forward& forward);
  [[nodiscard]] Result<PortRange> pick(const model::ForwardSpec& spec);
  using Listeners = std::vector<netlink::Listener>;
  [[nodiscard]] Result<const Listeners*> listeners(Proto proto);

  kinds::Ask& ask_;
  bool all_;
  PortIndex taken_;
  std::map<Proto, Listeners> listeners_;  // of the host, read once
};

}  // namespace warren::forward
