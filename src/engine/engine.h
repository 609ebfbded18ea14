// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/place.h"
#include "model/failure.h"
#include "model/space.h"

namespace warren::kinds {
struct Operation;
}

namespace warren::engine {

/// How an operation is to be run.
struct Options {
  bool force = false;    ///< processes inside spaces that go are ended, in place of being an error
  bool dry_run = false;  ///< only decide: the report says what would be
  model::Progress progress = {};
};

/// What was done.
struct Report {
  model::Desired before;                      ///< the spaces that the operation touched, as they were
  model::Desired after;                       ///< and as they are wanted now
  std::vector<std::string> mended;            ///< the faults that `up` found and mended
  std::vector<model::SpaceFailure> failures;  ///< the next `up` tries again
  std::vector<std::string> warnings;          ///< what the operator should know, a line each

  /// The space as it is wanted now; it must be one that the operation touched.
  [[nodiscard]] const model::Space& space(const SpaceName& name) const;
  /// The first failure, for operations of which none may fail.
  [[nodiscard]] Status whole() const;
};

/// Desired state and kernel, changed together. While one lives it holds the writers' lock.
///
/// Every change is the same sentence: an operation makes of the desired state another one; that is written to
/// the store; a plan says what in the kernel differs; its steps are run. What fails is taken back by the same
/// steps, and what a crash leaves between store and kernel, the next up() finishes.
class Engine {
 public:
  /// Waits for the lock; opens the store; makes the ULA prefix at the first time. Error: this is the inside
  /// of a space; the store cannot be read.
  [[nodiscard]] static Result<Engine> open(const Place& place, model::Settings settings);
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// Those of the configuration, with what the store adds: ULA prefix and services.
  [[nodiscard]] const model::Settings& settings() const;

  /// Carries out an operation. Error: it refuses, a hook refuses, processes are inside what is to go, or the
  /// kernel refuses; then all is as it was before.
  [[nodiscard]] Result<Report> run(const kinds::Operation& operation, const Options& options = {});

  /// What differs between desired and observed: one line a fault.
  [[nodiscard]] Result<std::vector<std::string>> check();
  /// Mends all that check() finds; of the named spaces only, where any are named, and these are wanted up
  /// from then on. One that fails is told of in the report, and holds up no other.
  [[nodiscard]] Result<Report> up(const std::vector<SpaceName>& names, const model::Progress& progress = {});
  /// Makes the space of a user whole, for a login that waits for it; `create`: makes one of his own name
  /// where he has none. Gives its name, or nothing where he has none.
  [[nodiscard]] Result<std::optional<SpaceName>> up_for(const std::string& login, bool create);

  /// All that is wanted.
  [[nodiscard]] Result<model::Desired> desired();

 private:
  class Self;
  explicit Engine(std::unique_ptr<Self> self);
  std::unique_ptr<Self> self_;
};

}  // namespace warren::engine
