// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "commands.h"
#include "ids.h"
#include "kinds/ids/uses.h"
#include "model/subid.h"
#include "store/ids.h"
#include "telling.h"

namespace warren::cli::id_command {
namespace {

struct Args {
  std::vector<std::string> owners;
  std::string owner, first;
  bool all = false, subuid = false, remove = false;
};

/// A block, and who else uses its IDs.
struct ShownBlock {
  model::IdBlock block;
  std::vector<std::string> maps;
  std::vector<std::string> spaces;
  std::vector<std::string> others;
};

/// What is the owner's besides his block, and what others have of it.
struct Surroundings {
  std::vector<model::IdMap> maps;
  view::MapUses uses;
  std::vector<model::IdUse> others;
};

Result<Surroundings> look_around(const Place& place, store::Store& store) {
  return Surroundings{TRY(store.ids().maps()), TRY(ids::all_uses(store)),
                      TRY(ids::written_uses(place, TRY(store.ids().blocks())))};
}

ShownBlock shown(const model::IdBlock& block, const Surroundings& around) {
  ShownBlock all{block, {}, {}, {}};
  for (const auto& other : around.others)
    if (other.range.overlaps(block.range)) all.others.push_back(other.who + " (" + other.range.str() + ")");
  if (block.quarantined) return all;
  for (const auto& map : around.maps)
    if (map.owner == block.owner) all.maps.push_back(map.name.str());
  for (const auto& [space, use] : around.uses)
    if (use.owner == block.owner) all.spaces.push_back(space.str());
  return all;
}

std::string_view state_of(const model::IdBlock& block) {
  return block.quarantined ? "quarantined" : "allocated";
}

Json to_json(const model::IdBlock& block) {
  return {{"owner", block.owner.str()},
          {"first", block.range.first},
          {"last", block.range.last()},
          {"count", block.range.count},
          {"state", std::string(state_of(block))},
          {"since", view::time_json(block.since)}};
}

Json to_json(const ShownBlock& shown) {
  auto json = to_json(shown.block);
  json["maps"] = shown.maps;
  json["spaces"] = shown.spaces;
  json["also_used_by"] = shown.others;
  return json;
}

Result<int> list(const Args&, Context& context) {
  auto store = TRY(context.reader());
  const auto around = TRY(look_around(context.place, store));
  auto json = Json::array();
  Columns columns({"OWNER", "IDS", "COUNT", "STATE", "SINCE", "SPACES", "ALSO USED BY"});
  for (const auto& block : TRY(store.ids().blocks())) {
    const auto one = shown(block, around);
    json.push_back(to_json(one));
    columns.add({block.owner.str(), block.range.str(), grouped(block.range.count),
                 std::string(state_of(block)), view::time_text(block.since), view::joined(one.spaces),
                 view::joined(one.others)});
  }
  return tell(context, json, columns);
}

Result<int> show(const Args& args, Context& context) {
  const auto owner = TRY(OwnerName::parse(args.owner));
  auto store = TRY(context.reader());
  const auto one = shown(TRY(ids::need_block(store, owner)), TRY(look_around(context.place, store)));
  if (context.json()) {
    say_json(to_json(one));
    return kExitOk;
  }
  say(fmt::format("owner         {}", owner.str()));
  say(fmt::format("block         {} ({} IDs)", one.block.range.str(), grouped(one.block.range.count)));
  say(fmt::format("state         {} since {}", state_of(one.block), view::time_text(one.block.since)));
  say(fmt::format("maps          default{}", one.maps.empty() ? "" : "," + view::joined(one.maps)));
  say(fmt::format("spaces        {}", view::joined(one.spaces)));
  for (const auto& other : one.others) say("also used by  " + other);
  return kExitOk;
}

Result<int> allocate(const Args& args, Context& context) {
  const auto owner = TRY(OwnerName::parse(args.owner));
  std::optional<std::uint32_t> first;
  if (!args.first.empty()) first = TRY_WRAP("--first", parse_id(args.first));
  auto registry = TRY(id_registry(context));
  const auto block = TRY_WRAP("id allocate " + args.owner, registry.allocate(owner, first));
  return tell(
      context, to_json(block),
      fmt::format("{}: block {}, {} IDs", owner.str(), block.range.str(), grouped(block.range.count)));
}

Result<int> free(const Args& args, Context& context) {
  const auto owner = TRY(OwnerName::parse(args.owner));
  auto registry = TRY(id_registry(context));
  const auto block = TRY_WRAP("id free " + args.owner, registry.free(owner));
  return tell(
      context, to_json(block),
      fmt::format("{}: block {} is in quarantine until `warren id purge {}`: files may still carry its IDs",
                  owner.str(), block.range.str(), owner.str()));
}

Result<int> purge(const Args& args, Context& context) {
  TRY(names_or_all("id purge", "owners", args.owners, args.all));
  std::vector<OwnerName> owners;
  for (const auto& text : args.owners) owners.push_back(TRY(OwnerName::parse(text)));
  auto registry = TRY(id_registry(context));
  const auto blocks = TRY_WRAP("id purge", registry.purge(owners));
  auto json = Json::array();
  for (const auto& block : blocks) {
    json.push_back(to_json(block));
    if (!context.json())
      say(fmt::format("block {}, once {}'s, is free again", block.range.str(), block.owner.str()));
  }
  if (context.json()) say_json(json);
  return kExitOk;
}

/// What the files would say, for those who keep them by other means.
Result<int> print_section(Context& context) {
  auto store = TRY(context.reader());
  const auto blocks = TRY(store.ids().blocks());
  auto json = Json::array();
  for (const auto& block : blocks) json.push_back(to_json(block));
  if (context.json())
    say_json(json);
  else
    for (const auto& line : model::subid_lines(blocks)) say(line);
  return kExitOk;
}

Result<int> export_section(const Args& args, Context& context) {
  if (!args.subuid) return print_section(context);
  auto registry = TRY(id_registry(context));
  const auto changed = TRY_WRAP("id export", registry.export_subids(args.remove));
  if (context.json())
    say_json(Json{{"changed", changed}});
  else
    for (const auto& path : changed) say(path + ": " + (args.remove ? "section removed" : "section written"));
  return kExitOk;
}

void register_changes(const Command& id, Context& context) {
  const auto allocate_args = std::make_shared<Args>();
  const auto allocate_command = id.add_subcommand("allocate", "Give an owner a block");
  allocate_command.add_option("owner", allocate_args->owner, "A space, or a user").required();
  allocate_command.add_option("--first", allocate_args->first, "The block that begins at this ID")
      .type_name("ID");
  allocate_command.footer("Example:\n  warren id allocate alice");
  on(allocate_command, context, allocate_args, allocate);

  const auto free_args = std::make_shared<Args>();
  const auto free_command = id.add_subcommand("free", "Take a block back, into quarantine");
  free_command.add_option("owner", free_args->owner, "Whose block").required();
  free_command.footer("Example:\n  warren id free alice");
  on(free_command, context, free_args, free);

  const auto purge_args = std::make_shared<Args>();
  const auto purge_command = id.add_subcommand("purge", "End quarantine: no file carries the IDs any more");
  purge_command.add_option("owner", purge_args->owners, "Whose blocks they were");
  purge_command.add_flag("--all", purge_args->all, "All that are in quarantine");
  purge_command.footer("Example:\n  warren id purge alice");
  on(purge_command, context, purge_args, purge);

  const auto export_args = std::make_shared<Args>();
  const auto export_command = id.add_subcommand("export", "Tell newuidmap, podman and useradd of the blocks");
  const auto subuid = export_command.add_flag("--subuid", export_args->subuid,
                                              "Keep a section of /etc/subuid and /etc/subgid; else print it");
  export_command.add_flag("--remove", export_args->remove, "Take the section out again").needs(subuid);
  export_command.footer("Example:\n  warren id export --subuid");
  on(export_command, context, export_args, export_section);
}

}  // namespace

void register_id(const Command& program, Context& context) {
  const auto id = program.add_subcommand("id", "Give owners blocks of user and group IDs of their own");
  id.require_subcommand();
  id.footer("Example:\n  warren id allocate alice\n  warren id ls");
  const auto list_command = id.add_subcommand("ls", "List blocks");
  list_command.footer("Example:\n  warren id ls");
  on(list_command, context, std::make_shared<Args>(), list);

  const auto show_args = std::make_shared<Args>();
  const auto show_command = id.add_subcommand("show", "Show the block of an owner");
  show_command.add_option("owner", show_args->owner, "Whose block").required();
  show_command.footer("Example:\n  warren id show alice");
  on(show_command, context, show_args, show);
  register_changes(id, context);
}

}  // namespace warren::cli::id_command
