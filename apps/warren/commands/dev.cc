// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "commands.h"
#include "kinds/device/ops.h"
#include "output.h"
#include "store/spaces.h"
#include "telling.h"
#include "view/devices.h"
#include "view/look.h"

namespace warren::cli::dev_command {
namespace {

struct Args {
  std::string space, name;
  std::string type, parent, vlan, mode, interface, mac;
  std::vector<std::string> addresses, gateways;
  bool dhcp = false;
  bool shim = false;
  bool is_virtual = false;
};

Result<std::uint16_t> parse_vlan(const std::string& text) {
  std::uint16_t vlan = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), vlan);
  const bool good =
      error == std::errc{} && end == text.data() + text.size() && vlan >= 1 && vlan <= model::kLastVlan;
  if (good) return vlan;
  return fail(Code::usage, fmt::format("'{}' is no VLAN ID: give 1 to {}", shown(text), model::kLastVlan));
}

Result<model::Device> parse_device(const Args& args) {
  model::Device device;
  device.kind = TRY(model::parse_kind(args.type));
  if (!args.parent.empty()) device.parent = TRY(IfName::parse(args.parent));
  if (!args.vlan.empty()) device.vlan = TRY(parse_vlan(args.vlan));
  if (!args.mode.empty()) device.mode = TRY(model::parse_mode(args.mode));
  if (!args.interface.empty()) device.name = TRY(IfName::parse(args.interface));
  if (!args.mac.empty() && args.mac != "auto") device.mac = TRY(Mac::parse(args.mac));
  for (const auto& text : args.addresses) device.addresses.push_back(TRY(IpPrefix::parse(text)));
  for (const auto& text : args.gateways) device.gateways.push_back(TRY(Ip::parse(text)));
  device.dhcp = args.dhcp;
  device.shim = args.shim;
  device.is_virtual = args.is_virtual;
  return device;
}

void warn_of_silence(const model::Device& device) {
  if (device.kind != model::DeviceKind::macvlan || device.shim) return;
  warn(
      fmt::format("this host and the space do not reach each other over {}: nothing passes between a macvlan "
                  "and its parent {}; --host-shim gives the host a way",
                  device.name.str(), device.parent->str()));
}

/// That which the space has now and had not before.
model::Device added(const engine::Report& report) {
  const auto& before = report.before.spaces.front().devices;
  for (const auto& device : report.after.spaces.front().devices)
    if (std::ranges::find(before, device.index, &model::Device::index) == before.end()) return device;
  return {};
}

Result<int> add(const Args& args, Context& context) {
  const auto wanted = TRY_WRAP("dev add", parse_device(args));
  const auto name = TRY(SpaceName::parse(args.space));
  auto engine = TRY(context.engine());
  const auto report = TRY_WRAP("dev add " + args.space, engine.run(device::add(name, wanted)));
  const auto device = added(report);
  auto store = TRY(context.reader());
  const auto space = TRY_WRAP("dev add", view::find_space(store, args.space));
  const auto seen = view::look_at(context.place, space);
  for (const auto& one : seen) {
    if (one.device.index != device.index) continue;
    if (context.json())
      say_json(view::to_json(space, one));
    else
      say(fmt::format("{}: {}", args.space, view::in_words(space, one)));
  }
  for (const auto& line : report.warnings) warn(line);
  warn_of_silence(device);
  return kExitOk;
}

Result<int> remove(const Args& args, Context& context) {
  const auto space = TRY(SpaceName::parse(args.space));
  const auto name = TRY(IfName::parse(args.name));
  auto engine = TRY(context.engine());
  const auto report = TRY_WRAP("dev rm " + args.space, engine.run(device::remove(space, name)));
  for (const auto& line : report.warnings) warn(line);
  TRY_WRAP("dev rm " + args.space, report.whole());
  return kExitOk;
}

Result<int> list(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto spaces = TRY(view::one_or_all(store, args.space, "dev ls"));
  auto json = Json::array();
  Columns columns({"SPACE", "DEVICE", "TYPE", "PARENT", "VLAN", "MODE", "MAC", "ADDRESSES", "STATE"});
  for (const auto& space : spaces)
    for (const auto& one : view::look_at(context.place, space)) {
      json.push_back(view::to_json(space, one));
      columns.add(view::row(space, one));
    }
  return tell(context, json, columns);
}

void add_options(const Command& command, Args& args) {
  command.add_option("space", args.space, "Name of the space").required();
  command.add_option("--type", args.type, "veth, macvlan, ipvlan, vlan or physical")
      .required()
      .one_of({"veth", "macvlan", "ipvlan", "vlan", "physical"});
  command.add_option("--parent", args.parent, "Interface of the host; of a veth, the bridge for its host end")
      .type_name("IF");
  command.add_option("--vlan", args.vlan, "VLAN ID, 1 to 4094").type_name("ID");
  command.add_option("--mode", args.mode, "macvlan: bridge, private, vepa; ipvlan: l2, l3, l3s")
      .one_of({"bridge", "private", "vepa", "l2", "l3", "l3s"});
  command.add_option("--name", args.interface, "Its name inside").type_name("IF");
  command.add_option("--ip", args.addresses, "Address with prefix; again for more")
      .type_name("CIDR")
      .one_each();
  command.add_option("--gateway", args.gateways, "Router for the default route; one a family")
      .type_name("ADDRESS")
      .one_each();
  command.add_option("--mac", args.mac, "MAC, or auto: from VLAN ID, number of the space and index")
      .type_name("MAC");
  command.add_flag("--dhcp", args.dhcp, "Let the system's DHCP client give it its address");
  command.add_flag("--host-shim", args.shim, "macvlan: let the host reach it by a macvlan of its own");
  command.add_flag("--virtual", args.is_virtual,
                   "physical: accept one that the kernel destroys with a namespace");
}

}  // namespace

void register_dev(const Command& program, Context& context) {
  const auto dev =
      program.add_subcommand("dev", "Give a space more interfaces: on a VLAN, a NIC's segment, a NIC itself");
  dev.require_subcommand();
  dev.footer(
      "Example:\n  warren dev add fw --type vlan --parent eth0 --vlan 100 --ip 192.0.2.5/24\n  warren dev "
      "ls");
  const auto add_args = std::make_shared<Args>();
  const auto add_command = dev.add_subcommand("add", "Add a device, at once and at each `up`");
  add_options(add_command, *add_args);
  add_command.footer(
      "Example:\n  warren dev add web1 --type macvlan --parent eth0 --ip 192.0.2.5/24 --gateway 192.0.2.1\n"
      "  warren dev add fw --type physical --parent eth1");
  on(add_command, context, add_args, add);

  const auto remove_args = std::make_shared<Args>();
  const auto remove_command =
      dev.add_subcommand("rm", "Remove a device; a physical one comes back to the host");
  remove_command.add_option("space", remove_args->space, "Name of the space").required();
  remove_command.add_option("device", remove_args->name, "Its name inside").required();
  remove_command.footer("Example:\n  warren dev rm web1 eth1");
  on(remove_command, context, remove_args, remove);

  const auto list_args = std::make_shared<Args>();
  const auto list_command = dev.add_subcommand("ls", "List devices, with the addresses that they have now");
  list_command.add_option("space", list_args->space, "Name of the space; default: all");
  list_command.footer("Example:\n  warren dev ls");
  on(list_command, context, list_args, list);
}

}  // namespace warren::cli::dev_command
