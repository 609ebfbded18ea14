// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "look.h"
#include "output.h"
#include "sys/process.h"

namespace warren::cli {
namespace {

struct Args {
  std::string name;
};

Result<int> run(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto space = TRY_WRAP("pids", find_space(store, args.name));
  const auto pids = TRY(pids_inside(space.name));
  if (context.json()) {
    auto list = Json::array();
    for (const auto pid : pids) list.push_back({{"pid", pid}, {"command", sys::command_of(pid)}});
    say_json(list);
    return kExitOk;
  }
  for (const auto pid : pids) say(fmt::format("{} {}", pid, sys::command_of(pid)));
  return kExitOk;
}

}  // namespace

void register_pids(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("pids", "List the processes inside a space");
  command.add_option("name", args->name, "Name of the space").required();
  command.footer("Example:\n  warren pids web1");
  on(command, context, args, run);
}

}  // namespace warren::cli
