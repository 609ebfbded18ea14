// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "output.h"
#include "view/glance.h"
#include "view/look.h"

namespace warren::cli::up_command {
namespace {

struct Args {
  std::vector<std::string> names;
  std::string member;
  bool create = false;
  bool dry_run = false;
  bool quick = false;
};

/// What pam_warren waits for.
Result<int> run_for_member(const Args& args, Context& context) {
  auto engine = TRY(context.engine());
  const auto space = TRY_WRAP("up --member " + args.member, engine.up_for(args.member, args.create));
  const auto name = space ? space->str() : std::string();
  if (context.json())
    say_json(Json{{"user", args.member}, {"space", space ? Json(name) : Json(nullptr)}});
  else
    say(space ? fmt::format("{}: space {}", args.member, name) : args.member + " has no space");
  return kExitOk;
}

Result<int> preview(Context& context) {
  auto engine = TRY(context.engine());
  const auto faults = TRY(engine.check());
  if (context.json())
    say_json(Json{{"would_mend", faults}});
  else
    for (const auto& fault : faults) say("would mend: " + fault);
  return kExitOk;
}

Result<std::vector<SpaceName>> not_standing(const std::vector<SpaceName>& names, Context& context) {
  auto store = TRY(context.reader());
  host::Kernel kernel(context.place);
  const auto settings = TRY(context.settings_with(store));
  std::vector<SpaceName> found;
  for (const auto& name : names)
    if (!TRY(view::stands(store, kernel, TRY(view::find_space(store, name.str())), settings)))
      found.push_back(name);
  return found;
}

Result<engine::Report> bring_up(const Args& args, Context& context) {
  auto names = TRY(parse_names(args.names));
  if (args.quick) {
    if (names.empty()) return fail(Code::usage, "up: --quick needs the names of spaces");
    names = TRY(not_standing(names, context));
    if (names.empty()) return engine::Report{};
  }
  auto engine = TRY(context.engine());
  return TRY_WRAP("up", engine.up(names, progress("spaces up")));
}

Result<int> run(const Args& args, Context& context) {
  if (!args.member.empty()) return run_for_member(args, context);
  if (args.dry_run) return preview(context);
  const auto report = TRY(bring_up(args, context));
  auto failed = Json::array();
  for (const auto& [name, error] : report.failures)
    failed.push_back({{"space", name.str()}, {"error", error.what}});
  for (const auto& warning : report.warnings) warn(warning);
  if (context.json())
    say_json(Json{{"mended", report.mended}, {"failed", failed}});
  else
    for (const auto& fault : report.mended) say("mended: " + fault);
  for (const auto& [name, error] : report.failures) note(fmt::format("space {}: {}", name.str(), error.what));
  return report.failures.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void register_up(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand(
      "up", "Make the kernel what the store says: after a reboot, a crash, a foreign flush");
  command.add_option("name", args->names, "Only these spaces, wanted up from now on");
  command.add_flag("--dry-run", args->dry_run, "Only say what would be mended");
  command.add_flag("--quick", args->quick, "Leave those alone that stand, without a closer look");
  const auto member =
      command.add_option("--member", args->member, "Only the space of this user, for his login");
  command.add_flag("--create", args->create, "Make one of his name where he has none").needs(member);
  command.footer("Example:\n  warren up\n  warren up --member alice");
  on(command, context, args, run);
}

}  // namespace warren::cli::up_command
