// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"
#include "sys/process.h"
#include "view/look.h"

namespace warren::cli::identify_command {
namespace {

struct Args {
  std::string pid;
};

Result<int> run(const Args& args, Context& context) {
  const auto pid = TRY(parse_pid(args.pid));
  auto store = TRY(context.reader());
  const auto space = TRY_WRAP("identify", view::space_of(context.place, store, pid));
  if (context.json())
    say_json(Json{{"pid", pid},
                  {"command", sys::command_of(pid)},
                  {"space", space ? Json(space->name.str()) : Json(nullptr)}});
  else if (space)
    say(space->name.str());
  if (!space && !context.json()) return fail(Code::not_found, fmt::format("process {} is in no space", pid));
  return space ? kExitOk : kExitFailed;
}

}  // namespace

void register_identify(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("identify", "Name the space that a process is in");
  command.add_option("pid", args->pid, "Process ID").required();
  command.footer("Example:\n  warren identify 4711");
  on(command, context, args, run);
}

}  // namespace warren::cli::identify_command
