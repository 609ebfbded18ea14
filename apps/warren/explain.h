// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "context.h"
#include "output.h"

namespace warren::cli {

/// What can be said of a port, an address, a process or a space: lines for people, and the same as JSON.
struct Explanation {
  std::vector<std::string> lines;
  Json json = Json::object();
};

/// The host as `explain` sees it, read once.
class Explainer {
 public:
  [[nodiscard]] static Result<Explainer> open(const Context& context);

  [[nodiscard]] Result<Explanation> port(Port port);
  [[nodiscard]] Result<Explanation> address(const Ip& ip);
  [[nodiscard]] Result<Explanation> process(pid_t pid);
  [[nodiscard]] Result<Explanation> space(const SpaceName& name);
  [[nodiscard]] Result<bool> has_forward(Port port);

 private:
  Explainer(store::Store store, model::Settings settings)
      : store_(std::move(store)), settings_(std::move(settings)) {}
  [[nodiscard]] Result<view::SpaceStatus> explain_space(const model::Space& space, Explanation& out);
  static void explain_devices(const model::Space& space, Explanation& out);
  [[nodiscard]] Result<std::optional<SpaceName>> owner_by_device(const Ip& ip);
  [[nodiscard]] Status explain_forward(const view::SpaceStatus& status, const view::ForwardStatus& forward,
                                       Explanation& out);
  [[nodiscard]] Status explain_drops(const view::SpaceStatus& status, const model::Forward& forward,
                                     Explanation& out, Json& json);
  [[nodiscard]] Status explain_host_port(Port port, Explanation& out);

  store::Store store_;
  model::Settings settings_;
  host::Kernel kernel_;
};

}  // namespace warren::cli
