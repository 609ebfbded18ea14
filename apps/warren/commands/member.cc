// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "base/log.h"
#include "commands.h"
#include "kinds/session/members.h"
#include "output.h"
#include "store/members.h"
#include "sys/user.h"
#include "telling.h"
#include "view/look.h"

namespace warren::cli::member_command {
namespace {

struct Args {
  std::string name;
  std::vector<std::string> members;
};

Result<std::vector<model::Member>> parse_members(const std::vector<std::string>& texts) {
  std::vector<model::Member> members;
  for (const auto& text : texts) members.push_back(TRY(model::Member::parse(text)));
  return members;
}

Result<int> add(const Args& args, Context& context) {
  const auto name = TRY(SpaceName::parse(args.name));
  const auto members = TRY(parse_members(args.members));
  auto engine = TRY(context.engine());
  TRY_WRAP("member add " + args.name, engine.run(session::add_members(name, members)));
  for (const auto& member : members) {
    if (member.kind != model::Member::Kind::user) continue;
    const auto uid = sys::uid_of(member.name);
    if (!uid) warn(uid.error().what);
    if (uid && !*uid) warn(fmt::format("there is no user '{}' yet", member.name.str()));
  }
  return kExitOk;
}

Result<int> remove(const Args& args, Context& context) {
  const auto name = TRY(SpaceName::parse(args.name));
  const auto members = TRY(parse_members(args.members));
  auto engine = TRY(context.engine());
  TRY_WRAP("member rm " + args.name, engine.run(session::remove_members(name, members)));
  return kExitOk;
}

Result<int> list(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  if (!args.name.empty()) TRY_WRAP("member ls", view::find_space(store, args.name));
  auto json = Json::array();
  Columns columns({"SPACE", "MEMBER"});
  for (const auto& [member, space] : TRY(store.members().all())) {
    if (!args.name.empty() && space.str() != args.name) continue;
    json.push_back({{"space", space.str()},
                    {"kind", member.kind == model::Member::Kind::user ? "user" : "group"},
                    {"name", member.name.str()}});
    columns.add({space.str(), member.str()});
  }
  return tell(context, json, columns);
}

void add_arguments(const Command& command, Args& args) {
  command.add_option("space", args.name, "Name of the space").required();
  command.add_option("member", args.members, "USER or @GROUP").required();
}

}  // namespace

void register_member(const Command& program, Context& context) {
  const auto member = program.add_subcommand("member", "Say whose sessions land in a space");
  member.require_subcommand();
  member.footer(
      "He who is no member, nor any group of his, belongs to the space of his own name.\n"
      "Example:\n  warren member add web1 alice @webmasters\n  warren member ls");
  const auto add_args = std::make_shared<Args>();
  const auto add_command = member.add_subcommand("add", "Add users or groups");
  add_arguments(add_command, *add_args);
  add_command.footer("Example:\n  warren member add web1 alice @webmasters");
  on(add_command, context, add_args, add);

  const auto remove_args = std::make_shared<Args>();
  const auto remove_command = member.add_subcommand("rm", "Remove them");
  add_arguments(remove_command, *remove_args);
  remove_command.footer("Example:\n  warren member rm web1 alice");
  on(remove_command, context, remove_args, remove);

  const auto list_args = std::make_shared<Args>();
  const auto list_command = member.add_subcommand("ls", "List members");
  list_command.add_option("space", list_args->name, "Of this space only");
  list_command.footer("Example:\n  warren member ls web1");
  on(list_command, context, list_args, list);
}

}  // namespace warren::cli::member_command
