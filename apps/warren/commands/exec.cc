// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "output.h"
#include "sys/enter.h"
#include "view/look.h"

namespace warren::cli::exec_command {
namespace {

struct Args {
  std::string name;
  std::string user;
  std::vector<std::string> command;  // for the help: the words are the context's
};

constexpr int kExitNotFound = 127;  // as shells and env(1) say it
constexpr int kExitNotRunnable = 126;

/// Of a space only: other namespaces that are pinned here are not ours to give rights in.
Result<SpaceName> known_name(const Context& context, const std::string& text) {
  auto store = TRY(context.reader());
  return TRY(view::find_space(store, text)).name;
}

Result<int> enter_and_run(const Args& args, const Context& context, std::vector<std::string> command) {
  const auto name = TRY(known_name(context, args.name));
  if (!sys::open_netns(context.place.pin(name.str())))
    return fail(
        Code::not_found,
        fmt::format("no space '{0}' is up; `warren ls` lists them, `warren up {0}` starts one", name.str()));
  std::optional<sys::User> user;
  if (!args.user.empty()) user = TRY(sys::find_user(args.user));
  TRY(sys::enter_space(context.place, name));
  if (user) TRY(sys::become(*user));
  ::setenv("WARREN_SPACE", name.c_str(), 1);
  if (command.empty()) {
    const auto* shell = ::getenv("SHELL");
    command.push_back(user ? user->shell : shell && *shell ? shell : "/bin/sh");
  }
  const auto error = sys::exec_command(command);
  note(error.what);
  return error.code == Code::not_found ? kExitNotFound : kExitNotRunnable;
}

Result<int> run(const Args& args, Context& context) {
  if (context.guest_command.empty())
    return fail(Code::usage, "command is required; see `warren exec --help`");
  return enter_and_run(args, context, context.guest_command);
}

Result<int> run_shell(const Args& args, Context& context) { return enter_and_run(args, context, {}); }

}  // namespace

void register_exec(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("exec", "Run a command in a space; its exit status becomes warren's");
  command.add_option("name", args->name, "Name of the space").required();
  command.add_option("-u,--user", args->user, "Run as this user");
  command.add_option("command", args->command, "Command and its arguments");
  command.footer("Example:\n  warren exec web1 -u alice -- python3 -m http.server 8080");
  on(command, context, args, run);
}

void register_shell(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto shell = program.add_subcommand("shell", "Open a shell in a space");
  shell.add_option("name", args->name, "Name of the space").required();
  shell.add_option("-u,--user", args->user, "As this user");
  shell.footer("Example:\n  warren shell web1 -u alice");
  on(shell, context, args, run_shell);
}

}  // namespace warren::cli::exec_command
