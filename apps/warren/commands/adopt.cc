// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "engine/spaces.h"
#include "model/derive.h"
#include "output.h"
#include "view/space.h"

namespace warren::cli::adopt_command {
namespace {

struct Args {
  std::string name;
  std::string pid;
  std::string path;
  std::vector<std::string> ports;
};

Result<std::string> namespace_path(const Args& args) {
  if (args.pid.empty() == args.path.empty()) return fail(Code::usage, "adopt: give --pid or --path");
  if (!args.path.empty()) return args.path;
  return fmt::format("/proc/{}/ns/net", TRY(parse_pid(args.pid)));
}

Result<int> run(const Args& args, Context& context) {
  engine::SpaceRequest request;
  request.name = TRY(SpaceName::parse(args.name));
  request.ports = TRY(parse_specs(args.ports));
  const auto path = TRY(namespace_path(args));
  auto engine = TRY(context.engine());
  const auto report = TRY_WRAP("adopt " + args.name, engine.run(engine::adopt_space(request, path)));
  const auto& space = report.space(request.name);
  if (context.json())
    say_json(view::to_json(context.place, space, engine.settings()));
  else
    say(fmt::format("{} is space {}: {}", space.name.str(), space.number,
                    model::wiring(space, engine.settings()).ip4.str()));
  return kExitOk;
}

}  // namespace

void register_adopt(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("adopt", "Make a space of a network namespace that exists");
  command.add_option("name", args->name, "Name of the space").required();
  command.add_option("--pid", args->pid, "The namespace of this process");
  command.add_option("--path", args->path, "The namespace behind this path");
  command.add_option("-p,--port", args->ports, "Forward, as for `warren add`").one_each();
  command.footer("Example:\n  warren adopt guest1 --pid 4711 -p 6000:80");
  on(command, context, args, run);
}

}  // namespace warren::cli::adopt_command
