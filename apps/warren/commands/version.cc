// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"

namespace warren::cli::version_command {
namespace {

struct Args {};

Result<int> run(const Args&, Context& context) {
  if (context.json())
    say_json(Json{{"version", WARREN_VERSION}});
  else
    say("warren " WARREN_VERSION);
  return kExitOk;
}

}  // namespace

void register_version(const Command& program, Context& context) {
  const auto command = program.add_subcommand("version", "Print the version");
  command.footer("Example:\n  warren version");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::version_command
