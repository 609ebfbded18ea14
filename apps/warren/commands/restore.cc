// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"
#include "store/backup.h"
#include "sys/lock.h"

namespace warren::cli::restore_command {
namespace {

struct Args {
  std::string file;
};

void tell(const Args& args, const store::Restored& restored) {
  say(fmt::format("the store holds what {} holds: {} spaces", args.file, restored.spaces));
  for (const auto& name : restored.leaving)
    say(fmt::format("{} is not in it, and goes with the next `warren up`", name.str()));
  if (!restored.before.empty()) say(fmt::format("what it held before is kept in {}", restored.before));
  say("run `warren up`: the spaces are made as the store says only then");
}

Result<int> run(const Args& args, Context& context) {
  TRY(require_root());
  TRY_WRAP("restore", refuse_in_hook());
  const auto lock = TRY_WRAP("restore", sys::WriterLock::take(context.place));
  const auto restored = TRY_WRAP("restore", store::restore(context.place.store, args.file));
  if (!context.json()) {
    tell(args, restored);
    return kExitOk;
  }
  auto leaving = Json::array();
  for (const auto& name : restored.leaving) leaving.push_back(name.str());
  say_json(Json{{"spaces", restored.spaces}, {"leaving", leaving}, {"before", restored.before}});
  return kExitOk;
}

}  // namespace

void register_restore(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("restore", "Put what a backup holds in the place of the store's content");
  command.add_option("file", args->file, "What `warren backup` wrote").required();
  command.footer("Example:\n  warren restore /root/warren.backup && warren up");
  on(command, context, args, run);
}

}  // namespace warren::cli::restore_command
