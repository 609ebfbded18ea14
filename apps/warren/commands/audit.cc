// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/session/audit.h"
#include "commands.h"
#include "output.h"

namespace warren::cli::audit_command {
namespace {

struct Args {};

Result<int> run(const Args&, Context& context) {
  auto store = TRY(context.reader());
  const auto strays = TRY(session::find_strays(context.place, store, TRY(context.settings()).min_uid));
  auto json = Json::array();
  Columns columns({"PID", "UID", "BELONGS IN", "IS IN", "UNIT", "COMMAND"});
  for (const auto& stray : strays) {
    json.push_back({{"pid", stray.pid},
                    {"uid", stray.uid},
                    {"space", stray.space.str()},
                    {"place", stray.place},
                    {"unit", stray.unit.empty() ? Json(nullptr) : Json(stray.unit)},
                    {"command", stray.command}});
    columns.add({std::to_string(stray.pid), std::to_string(stray.uid), stray.space.str(), stray.place,
                 stray.unit.empty() ? "-" : stray.unit, stray.command});
  }
  if (context.json())
    say_json(json);
  else if (strays.empty())
    say("every process of a member is in his space");
  else
    columns.print();
  return strays.empty() ? kExitOk : kExitFound;
}

}  // namespace

void register_audit(const Command& program, Context& context) {
  const auto command =
      program.add_subcommand("audit", "List processes of members that are outside of their space");
  command.footer("Exit status 3 when there are any.\nExample:\n  warren audit");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::audit_command
