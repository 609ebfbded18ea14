// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/place.h"
#include "hooks/facts.h"

namespace warren::engine {

/// When the operator's hooks are run in the life of a space. Each up and down that has been begun is noted in
/// `hooks/NAME` where the place keeps what runs, until its hooks are done, so that the next `warren up` makes
/// good what a crash left out.
class Hooks {
 public:
  explicit Hooks(Place place) : place_(std::move(place)) {}

  /// Before a space comes up: pre-up, once, however often it is asked for. Error: it is refused; what its
  /// hooks did has been told to `down`.
  [[nodiscard]] Status rise(const model::Space& space, const model::Settings& settings);
  /// It is up, and whole.
  void risen(const model::Space& space, const model::Settings& settings);
  /// Before a space goes: pre-down.
  void fall(const model::Space& space, const model::Settings& settings);
  /// It has gone; or it never came up, after rise().
  void fallen(const model::Space& space, const model::Settings& settings);
  /// It stays up after all, after fall(); or nobody is to be told any more.
  void let_be(const SpaceName& name);

  /// A device has come into a space that is up, or has left it: dev_add, dev_rm.
  void device(hooks::Event event, const model::Space& space, const model::Settings& settings,
              const hooks::Device& device);

  [[nodiscard]] bool rose(const SpaceName& name) const;
  /// What was begun and is not done, by this process or by one that crashed.
  [[nodiscard]] std::vector<std::pair<SpaceName, hooks::Event>> owed();

 private:
  [[nodiscard]] std::string folder() const { return place_.in_run("hooks"); }
  [[nodiscard]] std::string note_path(const SpaceName& name) const { return folder() + "/" + name.str(); }
  [[nodiscard]] hooks::Facts facts(const model::Space& space, const model::Settings& settings) const {
    return {place_, space, settings};
  }
  Status run(hooks::Event event, const model::Space& space, const model::Settings& settings);
  void note(hooks::Event event, const SpaceName& name);
  void settle(hooks::Event event, const model::Space& space, const model::Settings& settings);
  [[nodiscard]] bool any();

  Place place_;
  std::optional<bool> any_;
  std::vector<SpaceName> rising_;
};

}  // namespace warren::engine
