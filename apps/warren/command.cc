// SPDX-License-Identifier: GPL-2.0-or-later
#include "command.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>

namespace warren::cli {

namespace {

bool has_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

}  // namespace

bool takes_value(const CLI::App& command, const std::string& word) {
  return std::ranges::any_of(command.get_options(), [&](const CLI::Option* option) {
    return option->nonpositional() && has_value(*option) && option->check_name(word);
  });
}

std::vector<std::string> options_with_value(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options()) {
    if (!has_value(*option)) continue;
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const auto* below : command.get_subcommands([](const CLI::App*) { return true; }))
    std::ranges::move(options_with_value(*below), std::back_inserter(names));
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::one_of(std::vector<std::string> values) const {
  option_->check(CLI::IsMember(std::move(values)));
  return *this;
}

const Option& Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

const Option& Option::one_each() const {
  option_->allow_extra_args(false);
  return *this;
}

const Option& Option::needs(const Option& other) const {
  option_->needs(other.option_);
  return *this;
}

const Option& Option::excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& description) const {
  return Command(app_->add_subcommand(name, description));
}

void Command::require_subcommand() const { app_->require_subcommand(1); }

Option Command::add_option(const std::string& names, std::string& value, const std::string& help) const {
  return Option(app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, std::size_t& value, const std::string& help) const {
  return Option(app_->add_option(names, value, help));
}

Option Command::add_option(const std::string& names, std::vector<std::string>& values,
                           const std::string& help) const {
  return Option(app_->add_option(names, values, help));
}

Option Command::add_flag(const std::string& names, bool& value, const std::string& help) const {
  return Option(app_->add_flag(names, value, help));
}

void Command::footer(const std::string& text) const { app_->footer(text); }

void Command::callback(std::function<void()> call) const { app_->callback(std::move(call)); }

}  // namespace warren::cli
