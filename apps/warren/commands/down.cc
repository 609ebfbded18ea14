// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "engine/spaces.h"
#include "output.h"
#include "telling.h"

namespace warren::cli::down_command {
namespace {

struct Args {
  std::vector<std::string> names;
  bool all = false;
  bool force = false;
};

Result<int> run(const Args& args, Context& context) {
  TRY(names_or_all("down", "the spaces", args.names, args.all));
  auto names = TRY(parse_names(args.names));
  auto engine = TRY(context.engine());
  const auto operation = args.all ? engine::take_down_all() : engine::take_down(names);
  const auto report = TRY_WRAP("down", engine.run(operation, {.force = args.force}));
  for (const auto& line : report.warnings) warn(line);
  TRY_WRAP("down", report.whole());
  if (args.all)
    for (const auto& space : report.after.spaces) names.push_back(space.name);
  if (context.json()) say_json(Json{{"down", names_json(names)}});
  return kExitOk;
}

}  // namespace

void register_down(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand(
      "down", "Take spaces out of the kernel, and keep their number, addresses and forwards");
  command.add_option("name", args->names, "Names of the spaces");
  command.add_flag("--all", args->all, "Every space");
  command.add_flag("--force", args->force, "End the processes inside");
  command.footer("Example:\n  warren down web1");
  on(command, context, args, run);
}

}  // namespace warren::cli::down_command
