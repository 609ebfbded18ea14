// SPDX-License-Identifier: GPL-2.0-or-later
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <malloc.h>

#include "base/log.h"
#include "commands.h"

namespace warren::cli {
namespace {

struct Entry {
  std::string_view name;
  void (*add)(const Command&, Context&);
};

constexpr std::array kCommands{Entry{"add", register_add},         Entry{"rm", register_rm},
                               Entry{"ls", register_ls},           Entry{"show", register_show},
                               Entry{"exec", register_exec},       Entry{"shell", register_shell},
                               Entry{"run", register_run},         Entry{"port", register_port},
                               Entry{"up", register_up},           Entry{"down", register_down},
                               Entry{"check", register_check},     Entry{"apply", register_apply},
                               Entry{"export", register_export},   Entry{"explain", register_explain},
                               Entry{"doctor", register_doctor},   Entry{"plan", register_plan},
                               Entry{"adopt", register_adopt},     Entry{"identify", register_identify},
                               Entry{"pids", register_pids},       Entry{"member", register_member},
                               Entry{"service", register_service}, Entry{"id", register_id},
                               Entry{"map", register_map},         Entry{"dev", register_dev},
                               Entry{"audit", register_audit},     Entry{"events", register_events},
                               Entry{"monitor", register_monitor}, Entry{"completion", register_completion},
                               Entry{"version", register_version}};

/// So that the options of every command may stand behind any, as deep as it is.
void let_options_through(CLI::App& app) {
  for (auto* command : app.get_subcommands({})) {
    command->fallthrough();
    let_options_through(*command);
  }
}

/// Only the command that is on the command line: to describe them all takes a fifth of an `add`. Without one
/// (for help, or a wrong word) all, and for `completion`, which tells of the others.
void register_commands(CLI::App& app, Context& context, const std::vector<std::string>& words) {
  const auto named = [&](const Entry& command) {
    return std::ranges::find(words, command.name) != words.end();
  };
  const bool some =
      std::ranges::any_of(kCommands, named) && std::ranges::find(words, "completion") == words.end();
  for (const auto& command : kCommands)
    if (!some || named(command)) command.add(Command(&app), context);
  app.require_subcommand(1);
  let_options_through(app);
}

/// Does the option take the word after it?
bool takes_value(const std::string& word) {
  constexpr std::array<std::string_view, 9> kTaking{"-u",       "--user", "-o",     "--output",  "--config",
                                                    "--rootfs", "--map",  "--bind", "--hostname"};
  return std::ranges::find(kTaking, word) != kTaking.end();
}

bool runs_commands(const std::string& word) { return word == "exec" || word == "run"; }

/// `exec NAME CMD -x`: what follows the command is the command's. Puts the "--" where people leave it out.
std::vector<std::string> with_separator(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto exec = std::ranges::find_if(words, runs_commands);
  if (exec == words.end() || std::find(words.begin(), exec, "--") != exec) return words;
  int positional = 0;
  for (auto at = exec + 1; at != words.end(); ++at) {
    if (*at == "--") return words;
    if (takes_value(*at) && at + 1 != words.end())
      ++at;
    else if (!at->starts_with('-') && ++positional == 2) {
      words.insert(at, "--");
      return words;
    }
  }
  return words;
}

/// Takes the words behind "--" away from a parser that would see a list in "[a,b]".
std::vector<std::string> take_guest_command(std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  if (std::find_if(words.begin(), end, runs_commands) == end || end == words.end()) return {};
  std::vector<std::string> command(end + 1, words.end());
  words.erase(end, words.end());
  return command;
}

int report(const Error& error) {
  fmt::print(stderr, "warren: {}\n", printable(error.what));
  return error.code == Code::usage ? kExitUsage : kExitFailed;
}

int refuse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help
  std::string command;
  for (const auto* given : app.get_subcommands()) command += " " + given->get_name();
  std::string what = error.what();
  const auto unknown = app.remaining(true);
  // The parser misses a command before it minds the word that stands in its place.
  if (command.empty() && !unknown.empty()) what = fmt::format("'{}' is not known", shown(unknown.front()));
  std::replace(what.begin(), what.end(), '\n', ' ');
  fmt::print(stderr, "warren: {}; see `warren{} --help`\n", printable(what), command);
  return kExitUsage;
}

int run(int argc, char** argv) {
  Context context;
  CLI::App app("A network of its own for every tenant of this host", "warren");
  auto* config = app.add_option("--config", context.config, "Configuration file")->envname("WARREN_CONFIG");
  app.add_option("-o,--output", context.output, "Output format: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.footer(
      "Example:\n  warren add web1 -p 6000:8080\n  warren exec web1 -- python3 -m http.server 8080\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 `check`, `doctor` or `audit` found something.");
  auto words = with_separator(argc, argv);
  context.guest_command = take_guest_command(words);
  register_commands(app, context, words);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  context.config_given = config->count() > 0;
  const auto result = context.command();
  std::fflush(stdout);
  return result ? *result : report(result.error());
}

}  // namespace
}  // namespace warren::cli

int main(int argc, char** argv) {
  ::mallopt(M_ARENA_MAX, 1);  // a heap a thread costs more to make than threads that seldom meet in one
  try {
    return warren::cli::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warren: this is a bug: %s\n", error.what());
    return 70;  // EX_SOFTWARE
  }
}
