// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "config/read_text.h"
#include "config/spaces_file.h"
#include "engine/spaces.h"
#include "output.h"

namespace warren::cli::apply_command {
namespace {

struct Args {
  std::string file;
  bool prune = false;
  bool dry_run = false;
  bool force = false;
};

std::vector<engine::SpaceRequest> requests(config::SpacesFile file) {
  std::vector<engine::SpaceRequest> all;
  for (auto& entry : file.spaces) {
    engine::SpaceRequest request;
    request.name = std::move(entry.name);
    request.ports = std::move(entry.ports);
    request.ip4 = entry.ip4;
    request.ip6 = entry.ip6;
    request.nat = entry.nat;
    request.up = entry.up;
    request.uplink = entry.uplink;
    request.devices = std::move(entry.devices);
    request.number = entry.number;
    all.push_back(std::move(request));
  }
  return all;
}

std::string_view verb(engine::SpaceStep::Kind kind) {
  switch (kind) {
    case engine::SpaceStep::Kind::create:
      return "create";
    case engine::SpaceStep::Kind::change:
      return "change";
    case engine::SpaceStep::Kind::remove:
      return "remove";
  }
  return "?";
}

void print_json(const engine::Report& report, bool dry_run) {
  auto steps = Json::array();
  for (const auto& step : engine::steps_of(report))
    steps.push_back({{"action", verb(step.kind)}, {"space", step.name.str()}, {"what", step.what}});
  auto failed = Json::array();
  for (const auto& [name, error] : report.failures)
    failed.push_back({{"space", name.str()}, {"error", error.what}});
  say_json(Json{{"dry_run", dry_run}, {"steps", steps}, {"failed", failed}});
}

void print(const engine::Report& report, bool dry_run) {
  for (const auto& step : engine::steps_of(report))
    say(fmt::format("{}{} {}{}{}", dry_run ? "would " : "", verb(step.kind), step.name.str(),
                    step.what.empty() ? "" : ": ", step.what));
  if (engine::steps_of(report).empty()) say("nothing to do");
}

Result<int> run(const Args& args, Context& context) {
  const auto text = TRY_WRAP("apply", config::read_text(args.file));
  auto file = TRY(config::parse_spaces(text, args.file == "-" ? "standard input" : args.file));
  auto engine = TRY(context.engine());
  const auto operation = engine::apply(requests(std::move(file)), args.prune);
  const auto report =
      TRY_WRAP("apply", engine.run(operation, {args.force, args.dry_run, progress("spaces made")}));
  for (const auto& line : report.warnings) warn(line);
  if (context.json())
    print_json(report, args.dry_run);
  else
    print(report, args.dry_run);
  for (const auto& [name, error] : report.failures)
    note(fmt::format("space {}: {}; `warren up` tries again", name.str(), error.what));
  return report.failures.empty() ? kExitOk : kExitFailed;
}

}  // namespace

void register_apply(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("apply", "Make the spaces what a TOML file says");
  command.add_option("file", args->file, "The file, or - for standard input").required();
  command.add_flag("--prune", args->prune, "Remove spaces that the file does not name");
  command.add_flag("--force", args->force, "End the processes inside those");
  command.add_flag("--dry-run", args->dry_run, "Only show the plan");
  command.footer("Example:\n  warren export > spaces.toml\n  warren apply spaces.toml --prune --dry-run");
  on(command, context, args, run);
}

}  // namespace warren::cli::apply_command
