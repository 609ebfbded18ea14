// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <vector>

#include "model/forward_spec.h"
#include "model/space.h"
#include "netlink/sock_diag.h"
#include "store/store.h"

namespace warren::forward {

/// Turns port specifications into forwards: picks free host ports, and refuses what is taken, by another
/// forward or by a program of the host, naming who has it.
class PortResolver {
 public:
  PortResolver(store::Store& store, const model::Settings& settings) : store_(store), settings_(settings) {}

  /// The forwards of one space, sorted. Those of an earlier call are known once they are in the store.
  [[nodiscard]] Result<std::vector<model::Forward>> resolve(const std::vector<model::ForwardSpec>& specs);
  /// Error: exists, naming who has the port.
  [[nodiscard]] Status check(const model::Forward& forward);

 private:
  [[nodiscard]] Status check_host(const model::Forward& forward);
  [[nodiscard]] Result<PortRange> pick(const model::ForwardSpec& spec);
  using Listeners = std::vector<netlink::Listener>;
  [[nodiscard]] Result<const Listeners*> listeners(Proto proto);

  store::Store& store_;
  const model::Settings& settings_;
  std::vector<model::Forward> chosen_;    // by the call that runs
  std::map<Proto, Listeners> listeners_;  // of the host, read once
};

}  // namespace warren::forward
