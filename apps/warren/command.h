// SPDX-License-Identifier: GPL-2.0-or-later
// The command line as its commands describe it. CLI11, which does the work, takes longer to compile than all
// the rest of a command, so only command.cc and the files that look at the whole command line include it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "context.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace warren::cli {

/// An option or an argument of a command; each function says one thing more of it.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  const Option& required() const;
  const Option& one_of(std::vector<std::string> values) const;
  /// What its value is called in the help.
  const Option& type_name(const std::string& name) const;
  /// One value each time that it is given.
  const Option& one_each() const;
  const Option& needs(const Option& other) const;
  const Option& excludes(const Option& other) const;

 private:
  CLI::Option* option_;
};

/// A command. The values that its options are written to live as long as the program.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}
  [[nodiscard]] Command add_subcommand(const std::string& name, const std::string& description) const;
  void require_subcommand() const;
  Option add_option(const std::string& names, std::string& value, const std::string& help) const;
  Option add_option(const std::string& names, std::size_t& value, const std::string& help) const;
  Option add_option(const std::string& names, std::vector<std::string>& values,
                    const std::string& help) const;
  Option add_flag(const std::string& names, bool& value, const std::string& help) const;
  /// What the help ends with: examples.
  void footer(const std::string& text) const;
  /// Called when the command is on the command line.
  void callback(std::function<void()> call) const;
  [[nodiscard]] CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

/// Does an option of this command, as it declared them, take the word after it?
[[nodiscard]] bool takes_value(const CLI::App& command, const std::string& word);
/// "--config", "-o", ...: all options of a command and those below it that do, each once, sorted.
[[nodiscard]] std::vector<std::string> options_with_value(const CLI::App& command);

/// Makes `run` the command when `command` is on the command line.
template <class Args>
void on(const Command& command, Context& context, std::shared_ptr<Args> args,
        Result<int> (*run)(const Args&, Context&)) {
  command.callback([=, &context] { context.command = [=, &context] { return run(*args, context); }; });
}

}  // namespace warren::cli
