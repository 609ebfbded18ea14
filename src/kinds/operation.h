// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "host/host.h"
#include "host/kernel.h"
#include "model/space.h"
#include "store/store.h"

namespace warren::kinds {

/// What an operation may ask while it decides. It changes nothing.
class Ask {
 public:
  Ask(store::Store& the_store, host::Kernel& the_kernel, const model::Settings& the_settings,
      std::function<Result<const host::HostFacts*>()> facts)
      : store(the_store), kernel(the_kernel), settings(the_settings), facts_(std::move(facts)) {}

  store::Store& store;
  host::Kernel& kernel;
  const model::Settings& settings;
  /// The host's uplinks and switches; read once.
  [[nodiscard]] Result<const host::HostFacts*> facts() const { return facts_(); }
  /// The namespaces that spaces take over, in place of new ones.
  std::map<SpaceName, std::shared_ptr<const UniqueFd>> adopted;

 private:
  std::function<Result<const host::HostFacts*>()> facts_;
};

/// A change of the desired state, as a value: what it touches, and a function that makes of the state before
/// the state after, or refuses. It may be called more than once, and changes nothing but `desired`.
struct Operation {
  std::vector<SpaceName> touches;  ///< the spaces that are loaded for it, where they exist
  bool touches_all = false;
  std::function<Status(model::Desired& desired, Ask& ask)> change;
  /// What is done where the kernel refuses a part of it.
  enum class OnFailure {
    take_back,  ///< all is as it was before
    go_on,  ///< it is tried once more; then what could be done stays, and the next `warren up` does the rest
  } on_failure = OnFailure::take_back;
};

/// The space of that name. Error: not_found, with the remedy.
[[nodiscard]] Result<model::Space*> find(model::Desired& desired, const SpaceName& name);

}  // namespace warren::kinds
