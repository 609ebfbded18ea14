// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "output.h"

namespace warren::cli {
namespace {

struct Args {
  std::vector<std::string> names;
  bool dry_run = false;
};

Result<int> preview(apply::Engine& engine, Context& context) {
  const auto faults = TRY(engine.check());
  if (context.json())
    say_json(Json{{"would_mend", faults}});
  else
    for (const auto& fault : faults) say("would mend: " + fault);
  return kExitOk;
}

Result<int> run(const Args& args, Context& context) {
  const auto names = TRY(parse_names(args.names));
  auto engine = TRY(context.engine());
  if (args.dry_run) return preview(engine, context);
  const auto report = TRY_WRAP("up", engine.up(names, progress("spaces up")));
  auto failed = Json::array();
  for (const auto& [name, error] : report.failures)
    failed.push_back({{"space", name.str()}, {"error", error.what}});
  for (const auto& warning : report.warnings) warn(warning);
  if (context.json())
    say_json(Json{{"mended", report.mended}, {"failed", failed}});
  else
    for (const auto& fault : report.mended) say("mended: " + fault);
  for (const auto& [name, error] : report.failures)
    fmt::print(stderr, "warren: space {}: {}\n", name.str(), error.what);
  return report.failures.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void register_up(CLI::App& app, Context& context) {
  const auto args = std::make_shared<Args>();
  auto* command = app.add_subcommand(
      "up", "Make the kernel what the store says: after a reboot, a crash, a foreign flush");
  command->add_option("name", args->names, "Only these spaces, wanted up from now on");
  command->add_flag("--dry-run", args->dry_run, "Only say what would be mended");
  command->footer("Example:\n  warren up");
  on(command, context, args, run);
}

}  // namespace warren::cli
