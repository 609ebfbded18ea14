// SPDX-License-Identifier: GPL-2.0-or-later
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "commands.h"
#include "output.h"

namespace warren::cli {
namespace {

struct Entry {
  std::string_view name;
  void (*add)(const Command&, Context&);
};

constexpr std::array kCommands{Entry{"add", add_command::register_add},
                               Entry{"rm", rm_command::register_rm},
                               Entry{"ls", ls_command::register_ls},
                               Entry{"show", show_command::register_show},
                               Entry{"exec", exec_command::register_exec},
                               Entry{"shell", exec_command::register_shell},
                               Entry{"run", run_command::register_run},
                               Entry{"port", port_command::register_port},
                               Entry{"up", up_command::register_up},
                               Entry{"down", down_command::register_down},
                               Entry{"check", check_command::register_check},
                               Entry{"apply", apply_command::register_apply},
                               Entry{"export", export_command::register_export},
                               Entry{"explain", explain_command::register_explain},
                               Entry{"doctor", doctor_command::register_doctor},
                               Entry{"plan", plan_command::register_plan},
                               Entry{"adopt", adopt_command::register_adopt},
                               Entry{"identify", identify_command::register_identify},
                               Entry{"pids", pids_command::register_pids},
                               Entry{"member", member_command::register_member},
                               Entry{"service", service_command::register_service},
                               Entry{"id", id_command::register_id},
                               Entry{"map", map_command::register_map},
                               Entry{"dev", dev_command::register_dev},
                               Entry{"audit", audit_command::register_audit},
                               Entry{"events", events_command::register_events},
                               Entry{"monitor", monitor_command::register_monitor},
                               Entry{"completion", completion_command::register_completion},
                               Entry{"version", version_command::register_version},
                               Entry{"backup", backup_command::register_backup},
                               Entry{"restore", restore_command::register_restore}};

/// So that the options of every command may stand behind any, as deep as it is.
void let_options_through(CLI::App& app) {
  for (auto* command : app.get_subcommands({})) {
    command->fallthrough();
    let_options_through(*command);
  }
}

using Words = std::vector<std::string>;

/// The first word from `at` on that is no option and no value of an option, of the program or of the command
/// (null: none was seen yet); the end where "--" comes before.
Words::iterator next_positional(Words& words, Words::iterator at, const CLI::App& app,
                                const CLI::App* command = nullptr) {
  for (; at != words.end() && *at != "--"; ++at) {
    if (!at->starts_with('-') || *at == "-") return at;
    const bool valued = takes_value(app, *at) || (command && takes_value(*command, *at));
    if (valued && at + 1 != words.end()) ++at;
  }
  return words.end();
}

/// Takes the command of a guest away from a parser that would see a list in "[a,b]", and options in what is
/// the command's: with `exec` and `run` the words behind "--", or, where people leave that out, from the word
/// behind the space's name on. The name of a space may be the word `run`, too.
Words take_guest_command(Words& words, const CLI::App& app) {
  const auto command = next_positional(words, words.begin(), app);
  if (command == words.end() || (*command != "exec" && *command != "run")) return {};
  const auto found = app.get_subcommands([&](const CLI::App* one) { return one->get_name() == *command; });
  const auto* declared = found.empty() ? nullptr : found.front();
  const auto name = next_positional(words, command + 1, app, declared);
  auto first = name == words.end() ? name : next_positional(words, name + 1, app, declared);
  if (first == words.end()) first = std::find(command, words.end(), "--");
  if (first == words.end()) return {};
  Words taken(first + (*first == "--" ? 1 : 0), words.end());
  words.erase(first, words.end());
  return taken;
}

/// Only the command that is on the command line: to describe them all takes a fifth of an `add`. Without one
/// (for help, or a wrong word) all, and for `completion`, which tells of the others.
void register_commands(CLI::App& app, Context& context, Words& words) {
  const auto word = next_positional(words, words.begin(), app);
  const auto named = [&](const Entry& command) { return word != words.end() && *word == command.name; };
  const bool some = std::ranges::any_of(kCommands, named) && *word != "completion";
  for (const auto& command : kCommands)
    if (!some || named(command)) command.add(Command(&app), context);
  app.require_subcommand(1);
  let_options_through(app);
}

int report(const Error& error) {
  note(printable(error.what));
  return error.code == Code::usage ? kExitUsage : kExitFailed;
}

/// The exit status, once what was said has been written.
int finish(int status) {
  const auto written = flush_output();
  return written || status != kExitOk ? status : report(written.error());
}

int refuse(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return finish(app.exit(error));  // --help
  std::string command;
  for (const auto* given : app.get_subcommands()) command += " " + given->get_name();
  std::string what = error.what();
  const auto unknown = app.remaining(true);
  // The parser misses a command before it minds the word that stands in its place.
  if (command.empty() && !unknown.empty()) what = fmt::format("'{}' is not known", shown(unknown.front()));
  std::replace(what.begin(), what.end(), '\n', ' ');
  note(fmt::format("{}; see `warren{} --help`", printable(what), command));
  return kExitUsage;
}

int run(int argc, char** argv) {
  Context context;
  context.place = Place::of_host();
  context.config = context.place.config() + "/warren.toml";
  CLI::App app("A network of its own for every tenant of this host", "warren");
  auto* config = app.add_option("--config", context.config, "Configuration file")->envname("WARREN_CONFIG");
  app.add_option("-o,--output", context.output, "Output format: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.set_version_flag("--version", "warren " WARREN_VERSION, "Print the version and exit");
  app.footer(
      "Example:\n  warren add web1 -p 6000:8080\n  warren exec web1 -- python3 -m http.server 8080\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 `check`, `doctor` or `audit` found something.");
  Words words(argv + 1, argv + argc);
  register_commands(app, context, words);
  context.guest_command = take_guest_command(words, app);
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  context.config_given = config->count() > 0;
  const auto result = context.command();
  return finish(result ? *result : report(result.error()));
}

/// What is opened must not stand where the caller closed a standard stream: it would be written to, and a
/// guest would get it.
void fill_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", O_RDONLY);  // to write to it is an error still
}

}  // namespace
}  // namespace warren::cli

int main(int argc, char** argv) {
  ::mallopt(M_ARENA_MAX, 1);  // a heap a thread costs more to make than threads that seldom meet in one
  warren::cli::fill_standard_streams();
  try {
    return warren::cli::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warren: this is a bug: %s\n", error.what());
    return 70;  // EX_SOFTWARE
  }
}
