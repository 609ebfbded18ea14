// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "host/kernel.h"
#include "store/store.h"
#include "view/status.h"

namespace warren::view {

/// What can be said of a port, an address, a process or a space: lines for people, and the same as JSON.
struct Explanation {
  std::vector<std::string> lines;
  Json json = Json::object();
};

/// The host as `explain` sees it, read once.
class Explainer {
 public:
  /// `settings`: with the ULA prefix that the store keeps.
  Explainer(Place place, store::Store store, model::Settings settings)
      : store_(std::move(store)), settings_(std::move(settings)), kernel_(std::move(place)) {}

  /// Each fails where the store or the kernel cannot be read; process() and space() with not_found where
  /// there is none.
  [[nodiscard]] Result<Explanation> port(Port port);
  [[nodiscard]] Result<Explanation> address(const Ip& ip);
  [[nodiscard]] Result<Explanation> process(pid_t pid);
  [[nodiscard]] Result<Explanation> space(const SpaceName& name);
  [[nodiscard]] Result<bool> has_forward(Port port);

 private:
  [[nodiscard]] Result<SpaceStatus> explain_space(const model::Space& space, Explanation& out);
  void explain_devices(const model::Space& space, Explanation& out) const;
  [[nodiscard]] Result<std::optional<SpaceName>> owner_by_device(const Ip& ip);
  [[nodiscard]] Status explain_forward(const SpaceStatus& status, const ForwardStatus& forward,
                                       Explanation& out);
  [[nodiscard]] Status explain_drops(const SpaceStatus& status, const model::Forward& forward,
                                     Explanation& out, Json& json);
  [[nodiscard]] Status explain_host_port(Port port, Explanation& out);

  store::Store store_;
  model::Settings settings_;
  host::Kernel kernel_;
};

}  // namespace warren::view
