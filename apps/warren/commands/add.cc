// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "engine/spaces.h"
#include "model/derive.h"
#include "output.h"
#include "view/space.h"

namespace warren::cli::add_command {
namespace {

struct Args {
  std::string name;
  std::vector<std::string> ports;
  std::string ip4, ip6;
  bool no_nat = false;
  bool no_uplink = false;
  bool dry_run = false;
};

Result<std::optional<Ip>> optional_ip(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return TRY(Ip::parse(text));
}

void print(const model::Space& space, const model::Settings& settings, bool dry_run) {
  const auto w = model::wiring(space, settings);
  if (!space.uplink)
    return say(fmt::format("{}{} is space {}, without an uplink", dry_run ? "would add: " : "",
                           space.name.str(), space.number));
  say(fmt::format("{}{} is space {}: {}{}", dry_run ? "would add: " : "", space.name.str(), space.number,
                  w.ip4.str(), w.ip6 ? " " + w.ip6->str() : ""));
  for (const auto& forward : space.forwards) say("  " + forward.str());
}

Result<int> run(const Args& args, Context& context) {
  engine::SpaceRequest request;
  request.name = TRY(SpaceName::parse(args.name));
  request.ports = TRY(parse_specs(args.ports));
  request.ip4 = TRY(optional_ip(args.ip4));
  request.ip6 = TRY(optional_ip(args.ip6));
  request.nat = !args.no_nat;
  request.uplink = !args.no_uplink;
  auto engine = TRY(context.engine());
  const auto report =
      TRY_WRAP("add " + args.name, engine.run(engine::add_space(request), {.dry_run = args.dry_run}));
  const auto& space = report.space(request.name);
  if (context.json())
    say_json(view::to_json(context.place, space, engine.settings()));
  else
    print(space, engine.settings(), args.dry_run);
  return kExitOk;
}

}  // namespace

void register_add(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("add", "Make a space: a network of its own, with a way out and ways in");
  command.add_option("name", args->name, "Name of the space").required();
  command
      .add_option("-p,--port", args->ports, "Forward [[ADDR:]HOSTPORT:]PORT[/tcp|udp|both]; again for more")
      .type_name("SPEC")
      .one_each();
  command.add_option("--ip4", args->ip4, "IPv4 address from the pool, in place of the derived one");
  command.add_option("--ip6", args->ip6, "IPv6 address from the ULA prefix, in place of the derived one");
  command.add_flag("--no-nat", args->no_nat, "Let it leave the host under its own address");
  command.add_flag("--no-uplink", args->no_uplink,
                   "No link to the host and no NAT: it lives on its devices alone");
  command.add_flag("--dry-run", args->dry_run, "Only say what it would be");
  command.footer("Example:\n  warren add web1 -p 6000:8080 -p 8000-8099 -p 203.0.113.10:53:53/udp");
  on(command, context, args, run);
}

}  // namespace warren::cli::add_command
