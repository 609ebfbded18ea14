// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "look.h"
#include "output.h"
#include "telling.h"

namespace warren::cli {
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
  const auto known = TRY(engine.names());
  if (args.all) names = known;
  for (const auto& name : names)
    if (std::ranges::find(known, name) == known.end())
      return std::unexpected(no_space(name.str()).error().wrap("rm " + name.str()));
  if (!args.dry_run) TRY_WRAP("rm", engine.remove(names, args.force));
  for (const auto& line : engine.said()) warn(line);
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

}  // namespace warren::cli
