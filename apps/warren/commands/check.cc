// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"

namespace warren::cli::check_command {
namespace {

struct Args {};

Result<int> run(const Args&, Context& context) {
  auto engine = TRY(context.engine());
  const auto faults = TRY_WRAP("check", engine.check());
  if (context.json())
    say_json(Json{{"faults", faults}});
  else if (faults.empty())
    say("all is as it should be");
  else
    for (const auto& fault : faults) say(fault);
  return faults.empty() ? kExitOk : kExitFound;
}

}  // namespace

void register_check(const Command& program, Context& context) {
  const auto command =
      program.add_subcommand("check", "Compare the kernel with the store, and name every difference");
  command.footer("Example:\n  warren check || warren up");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::check_command
