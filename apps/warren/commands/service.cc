// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <map>

#include "base/log.h"
#include "commands.h"
#include "daemon.h"
#include "kinds/service/ops.h"
#include "output.h"
#include "store/services.h"
#include "telling.h"

namespace warren::cli::service_command {
namespace {

struct Args {
  std::string name, port, target, mode, header;
  std::vector<std::string> only, except;
  bool udp = false;
};

Result<model::Scope> parse_scope(const Args& args) {
  model::Scope scope;
  if (!args.only.empty()) scope.kind = model::ScopeKind::only;
  if (!args.except.empty()) scope.kind = model::ScopeKind::except;
  scope.spaces = TRY(parse_names(args.only.empty() ? args.except : args.only));
  std::ranges::sort(scope.spaces);
  return scope;
}

/// What the kernel can do alone it does alone.
model::ServiceMode choose_mode(const Args& args, model::Service service) {
  if (args.mode == "nat") return model::ServiceMode::nat;
  if (args.mode == "proxy") return model::ServiceMode::proxy;
  service.mode = model::ServiceMode::nat;
  return model::check(service) ? model::ServiceMode::nat : model::ServiceMode::proxy;
}

Result<model::Service> parse_service(const Args& args) {
  model::Service service;
  service.name = TRY(ServiceName::parse(args.name));
  service.port = TRY(parse_port(args.port));
  service.proto = args.udp ? Proto::udp : Proto::tcp;
  service.target = TRY(model::Target::parse(args.target));
  if (args.header == "v1") service.header = model::ProxyHeader::v1;
  if (args.header == "v2") service.header = model::ProxyHeader::v2;
  service.scope = TRY(parse_scope(args));
  service.mode = choose_mode(args, service);
  return service;
}

std::string scope_text(const model::Scope& scope) {
  if (scope.kind == model::ScopeKind::all) return "all";
  std::string text = scope.kind == model::ScopeKind::only ? "" : "all but ";
  for (const auto& space : scope.spaces) text += (&space == scope.spaces.data() ? "" : ",") + space.str();
  return text;
}

Json to_json(const model::Service& service) {
  auto spaces = Json::array();
  for (const auto& space : service.scope.spaces) spaces.push_back(space.str());
  constexpr std::string_view kinds[] = {"all", "only", "except"};
  return {{"name", service.name.str()},
          {"protocol", std::string(name(service.proto))},
          {"port", service.port},
          {"target", service.target.str()},
          {"mode", std::string(name(service.mode))},
          {"proxy_protocol", std::string(name(service.header))},
          {"scope", std::string(kinds[static_cast<unsigned>(service.scope.kind)])},
          {"spaces", spaces}};
}

Result<int> add(const Args& args, Context& context) {
  const auto service = TRY(parse_service(args));
  {
    auto engine = TRY(context.engine());
    TRY_WRAP("service add " + args.name, engine.run(service::add(service), {.progress = progress("spaces")}));
  }
  if (context.json())
    say_json(to_json(service));
  else
    say(fmt::format("{}: 127.0.0.1:{}/{} in {} spaces leads to {} by {}", args.name, service.port,
                    name(service.proto), scope_text(service.scope), service.target.str(),
                    name(service.mode)));
  if (service.mode == model::ServiceMode::proxy && !ask_daemon(context.place))
    warn("warrend is not running: until it does, nothing listens in the spaces (systemctl start warrend)");
  return kExitOk;
}

Result<int> remove(const Args& args, Context& context) {
  const auto name = TRY(ServiceName::parse(args.name));
  auto engine = TRY(context.engine());
  TRY_WRAP("service rm " + args.name, engine.run(service::remove(name), {.progress = progress("spaces")}));
  return kExitOk;
}

std::uint64_t count(const Json& counters, std::string_view key) {
  const auto* found = counters.find(key);
  return found ? found->number().value_or(0) : 0;
}

/// What warrend counts of the services that it relays: name -> counters. Empty where it does not run.
std::map<std::string, Json> counted(const Place& place) {
  std::map<std::string, Json> all;
  const auto answer = Json::parse(ask_daemon(place).value_or(""));
  const auto* services = answer ? answer->find("services") : nullptr;
  if (!services) return all;
  for (const auto& one : services->items()) {
    const auto* name = one.find("name");
    auto& counters = all[name && name->text() ? *name->text() : ""];
    for (const auto* key : {"now", "total", "refused", "failed"}) counters[key] = count(one, key);
  }
  return all;
}

std::string connections_text(const Json& counters) {
  if (counters.is_null()) return "-";
  auto text = fmt::format("{} now, {} so far", count(counters, "now"), count(counters, "total"));
  for (const auto* key : {"refused", "failed"})
    if (count(counters, key) > 0) text += fmt::format(", {} {}", count(counters, key), key);
  return text;
}

Result<int> list(const Args&, Context& context) {
  auto store = TRY(context.reader());
  auto json = Json::array();
  auto live = counted(context.place);
  Columns columns({"SERVICE", "PORT", "TARGET", "MODE", "PROXY HEADER", "SPACES", "CONNECTIONS"});
  for (const auto& service : TRY(store.services().all())) {
    const auto& counters = live[service.mode == model::ServiceMode::proxy ? service.name.str() : ""];
    json.push_back(to_json(service))["connections"] = counters;
    columns.add({service.name.str(), fmt::format("{}/{}", service.port, name(service.proto)),
                 service.target.str(), std::string(name(service.mode)), std::string(name(service.header)),
                 scope_text(service.scope), connections_text(counters)});
  }
  return tell(context, json, columns);
}

void add_options(const Command& command, Args& args) {
  command.add_option("name", args.name, "Name of the service").required();
  command.add_option("port", args.port, "Port inside the spaces, on 127.0.0.1 and [::1]").required();
  command.add_option("--to", args.target, "ADDRESS:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH").required();
  command
      .add_option(
          "--mode", args.mode,
          "nat: the kernel alone, 127.0.0.1 only; proxy: warrend, any target. Default: nat where it can")
      .one_of({"nat", "proxy"});
  const auto only = command.add_option("--only", args.only, "These spaces only").type_name("SPACE");
  command.add_option("--except", args.except, "All spaces but these").type_name("SPACE").excludes(only);
  command.add_flag("--udp", args.udp, "UDP in place of TCP");
  command.add_option("--proxy-protocol", args.header, "Tell the target of the space: v1 or v2")
      .one_of({"v1", "v2"});
}

}  // namespace

void register_service(const Command& program, Context& context) {
  const auto service = program.add_subcommand(
      "service", "Give spaces a service of the host, or of elsewhere, on their 127.0.0.1");
  service.require_subcommand();
  service.footer("Example:\n  warren service add mysql 3306 --to 127.0.0.1:3306\n  warren service ls");
  const auto add_args = std::make_shared<Args>();
  const auto add_command = service.add_subcommand("add", "Add a service");
  add_options(add_command, *add_args);
  add_command.footer(
      "Example:\n  warren service add mysql 3306 --to unix:/run/mysqld/mysqld.sock\n"
      "  warren service add smtp 25 --to 192.0.2.25:25 --except guest");
  on(add_command, context, add_args, add);

  const auto remove_args = std::make_shared<Args>();
  const auto remove_command = service.add_subcommand("rm", "Remove a service");
  remove_command.add_option("name", remove_args->name, "Name of the service").required();
  remove_command.footer("Example:\n  warren service rm mysql");
  on(remove_command, context, remove_args, remove);

  const auto list_command = service.add_subcommand("ls", "List services");
  list_command.footer("Example:\n  warren service ls");
  on(list_command, context, std::make_shared<Args>(), list);
}

}  // namespace warren::cli::service_command
