// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/backup.h"

#include <fmt/format.h>

#include "commands.h"
#include "output.h"

namespace warren::cli::backup_command {
namespace {

struct Args {
  std::string file;
  bool force = false;
};

Result<int> run(const Args& args, Context& context) {
  TRY(require_root());
  TRY_WRAP("backup", refuse_in_hook());
  TRY_WRAP("backup", store::back_up(context.place.store, args.file, args.force));
  if (context.json())
    say_json(Json{{"file", args.file}});
  else
    say(fmt::format("{} holds the whole store; `warren restore` takes it back", args.file));
  return kExitOk;
}

}  // namespace

void register_backup(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("backup", "Write the whole store to a file, while all goes on");
  command.add_option("file", args->file, "Where to").required();
  command.add_flag("--force", args->force, "In the place of a file that is there");
  command.footer("Example:\n  warren backup /root/warren.backup");
  on(command, context, args, run);
}

}  // namespace warren::cli::backup_command
