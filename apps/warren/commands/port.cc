// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "kinds/forward/ops.h"
#include "output.h"
#include "store/spaces.h"
#include "telling.h"
#include "view/look.h"
#include "view/space.h"
#include "view/status.h"

namespace warren::cli::port_command {
namespace {

struct Args {
  std::string name;
  std::vector<std::string> specs;
};

void print(Context& context, std::string_view verb, const std::string& name,
           const std::vector<model::Forward>& forwards) {
  if (context.json()) {
    auto list = Json::array();
    for (const auto& forward : forwards) list.push_back(view::to_json(forward));
    return say_json(Json{{"space", name}, {std::string(verb), list}});
  }
  for (const auto& forward : forwards) say(fmt::format("{} {}", verb, forward.str()));
}

Result<int> add(const Args& args, Context& context) {
  const auto name = TRY(SpaceName::parse(args.name));
  const auto specs = TRY(parse_specs(args.specs));
  auto engine = TRY(context.engine());
  const auto report = TRY_WRAP("port add " + args.name, engine.run(forward::add(name, specs)));
  print(context, "added", args.name,
        forward::missing(report.space(name).forwards, report.before.spaces.front().forwards));
  return kExitOk;
}

Result<int> remove(const Args& args, Context& context) {
  const auto name = TRY(SpaceName::parse(args.name));
  const auto specs = TRY(parse_specs(args.specs));
  auto engine = TRY(context.engine());
  const auto report = TRY_WRAP("port rm " + args.name, engine.run(forward::remove(name, specs)));
  print(context, "removed", args.name,
        forward::missing(report.before.spaces.front().forwards, report.space(name).forwards));
  return kExitOk;
}

Result<int> list(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto settings = TRY(context.settings_with(store));
  auto spaces = TRY(view::one_or_all(store, args.name, "port ls"));
  host::Kernel kernel(context.place);
  const auto all = TRY(view::read_status(kernel, settings, std::move(spaces)));
  auto json = Json::array();
  Columns columns({"SPACE", "PROTOCOL", "HOST", "PORT", "CONNECTIONS"});
  for (const auto& status : all)
    for (const auto& [forward, connections] : status.forwards) {
      auto one = view::to_json(forward);
      one["space"] = status.space.name.str();
      one["connections"] = connections;
      json.push_back(one);
      columns.add({status.space.name.str(), std::string(name(forward.proto)),
                   (forward.host ? forward.host->bracketed() : "*") + ":" + forward.ports.str(),
                   forward.ports.single() ? std::to_string(forward.to) : forward.ports.str(),
                   std::to_string(connections)});
    }
  return tell(context, json, columns);
}

void add_arguments(const Command& command, Args& args) {
  command.add_option("name", args.name, "Name of the space").required();
  command.add_option("spec", args.specs, "[[ADDR:]HOSTPORT:]PORT[/tcp|udp|both]").required();
}

}  // namespace

void register_port(const Command& program, Context& context) {
  const auto port = program.add_subcommand("port", "Add, remove or list forwards, while the space runs");
  port.require_subcommand();
  port.footer("Example:\n  warren port add web1 6002:9090\n  warren port ls");
  const auto add_args = std::make_shared<Args>();
  const auto add_command =
      port.add_subcommand("add", "Add forwards; without a host port a free one is picked");
  add_arguments(add_command, *add_args);
  add_command.footer(
      "Example:\n  warren port add web1 6002:9090 8000-8099 53:53/both\n  warren port add web1 8080");
  on(add_command, context, add_args, add);
  const auto remove_args = std::make_shared<Args>();
  const auto remove_command = port.add_subcommand("rm", "Remove forwards; a port alone is the host's");
  add_arguments(remove_command, *remove_args);
  remove_command.footer("Example:\n  warren port rm web1 6002");
  on(remove_command, context, remove_args, remove);
  const auto list_args = std::make_shared<Args>();
  const auto list_command = port.add_subcommand("ls", "List forwards");
  list_command.add_option("name", list_args->name, "Of this space only");
  list_command.footer("Example:\n  warren port ls web1 -o json");
  on(list_command, context, list_args, list);
}

}  // namespace warren::cli::port_command
