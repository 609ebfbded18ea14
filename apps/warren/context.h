// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "engine/engine.h"
#include "kinds/operation.h"
#include "model/forward_spec.h"
#include "model/space.h"
#include "store/store.h"

namespace warren::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitFound = 3;  ///< `check` or `doctor` found something

/// What the command line said that concerns every command, and the command that it named.
struct Context {
  Place place;         ///< made by main()
  std::string config;  ///< the path of warren.toml
  bool config_given = false;
  std::string output = "text";
  std::vector<std::string> guest_command;  ///< what `exec` and `run` run: the words behind "--", as they are
  std::function<Result<int>()> command;

  [[nodiscard]] bool json() const { return output == "json"; }
  /// The configuration file, with defaults for what it leaves out.
  [[nodiscard]] Result<model::Settings> settings() const;
  /// The same, with the ULA prefix that the store keeps, for commands that only read.
  [[nodiscard]] Result<model::Settings> settings_with(store::Store& store) const;
  /// For commands that change something. Needs root.
  [[nodiscard]] Result<engine::Engine> engine() const;
  /// For commands that only read. Needs root.
  [[nodiscard]] Result<store::Store> reader() const;
};

/// For commands that wait for the writers' lock: the warren that runs the hook has it until the hook is done.
[[nodiscard]] Status refuse_in_hook();
/// One line that says "needs root", or nothing.
[[nodiscard]] Status require_root();
/// For whoever is about to wait for other writers: error where one of those waits for us, for this is a hook
/// that it runs. Needs root.
[[nodiscard]] Status require_writer();
/// Each name once, however often it was given.
[[nodiscard]] Result<std::vector<SpaceName>> parse_names(const std::vector<std::string>& texts);
/// Error: usage.
[[nodiscard]] Result<pid_t> parse_pid(const std::string& text);
[[nodiscard]] Result<std::vector<model::ForwardSpec>> parse_specs(const std::vector<std::string>& texts);

}  // namespace warren::cli
