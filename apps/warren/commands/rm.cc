// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "engine/spaces.h"
#include "output.h"
#include "telling.h"

namespace warren::cli::rm_command {
namespace {

struct Args {
  std::vector<std::string> names;
  bool all = false;
  bool force = false;
  bool dry_run = false;
};

Result<int> run(const Args& args, Context& context) {
  TRY(names_or_all("rm", "the spaces", args.names, args.all));
  auto names = TRY(parse_names(args.names));
  auto engine = TRY(context.engine());
  const auto operation = args.all ? engine::remove_all() : engine::remove_spaces(names);
  const auto what = args.names.size() == 1 ? "rm " + args.names.front() : "rm";
  const auto report = TRY_WRAP(what, engine.run(operation, {.force = args.force, .dry_run = args.dry_run}));
  for (const auto& line : report.warnings) warn(line);
  TRY_WRAP("rm", report.whole());
  if (args.all)
    for (const auto& space : report.after.spaces) names.push_back(space.name);
  if (context.json())
    say_json(Json{{"removed", names_json(names)}, {"dry_run", args.dry_run}});
  else if (args.dry_run)
    for (const auto& name : names) say("would remove " + name.str());
  return kExitOk;
}

}  // namespace

void register_rm(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("rm", "Remove spaces, and all that hangs on them");
  command.add_option("name", args->names, "Names of the spaces");
  command.add_flag("--all", args->all, "Every space");
  command.add_flag("--force", args->force, "End the processes inside");
  command.add_flag("--dry-run", args->dry_run, "Only say what would go");
  command.footer("Example:\n  warren rm web1 web2");
  on(command, context, args, run);
}

}  // namespace warren::cli::rm_command
