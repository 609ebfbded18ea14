// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "commands.h"
#include "ids.h"
#include "store/ids.h"
#include "telling.h"

namespace warren::cli::map_command {
namespace {

struct Args {
  std::string name, owner, space, id;
  std::vector<std::string> names, ids, uid, gid, both;
};

Status parse_entries(const std::vector<std::string>& texts, std::vector<model::IdEntry>& to) {
  for (const auto& text : texts) to.push_back(TRY(model::IdEntry::parse(text)));
  return {};
}

Result<model::IdMap> parse_map(const Args& args) {
  model::IdMap map{TRY(MapName::parse(args.name)), TRY(OwnerName::parse(args.owner)), {}, {}};
  TRY(parse_entries(args.both, map.uid));
  map.gid = map.uid;
  TRY(parse_entries(args.uid, map.uid));
  TRY(parse_entries(args.gid, map.gid));
  return map;
}

/// Is it the owner's default that is meant?
bool by_default(const std::string& name) { return name.empty() || name == model::kDefaultMap; }

Result<view::ShownMap> with_block(store::Store& store, model::IdMap map) {
  auto block = TRY(ids::need_block(store, map.owner));
  auto spaces = view::spaces_of(map, TRY(ids::all_uses(store)));
  return view::ShownMap{std::move(map), std::move(block), std::move(spaces)};
}

Result<view::ShownMap> default_of(store::Store& store, const OwnerName& owner) {
  return with_block(store, model::default_map(owner, TRY(ids::need_block(store, owner)).range));
}

Result<view::ShownMap> find_map(store::Store& store, const Args& args) {
  if (!by_default(args.name)) {
    auto map = TRY(store.ids().map(TRY(MapName::parse(args.name))));
    if (!map)
      return fail(Code::not_found,
                  fmt::format("there is no map '{}'; `warren map ls` lists them", args.name));
    return with_block(store, std::move(*map));
  }
  if (!args.owner.empty()) return default_of(store, TRY(OwnerName::parse(args.owner)));
  return fail(Code::usage, "name a map, or give --owner for the default map of one");
}

/// Each map, and before those of an owner his default.
Result<std::vector<view::ShownMap>> all_maps(store::Store& store) {
  std::vector<view::ShownMap> all;
  const auto uses = TRY(ids::all_uses(store));
  const auto add = [&](model::IdMap map, const model::IdBlock& block) {
    auto spaces = view::spaces_of(map, uses);
    all.push_back({std::move(map), block, std::move(spaces)});
  };
  std::multimap<OwnerName, model::IdMap> maps;
  for (auto& map : TRY(store.ids().maps())) maps.emplace(map.owner, std::move(map));
  for (const auto& block : TRY(store.ids().blocks())) {
    if (block.quarantined) continue;
    add(model::default_map(block.owner, block.range), block);
    const auto [first, last] = maps.equal_range(block.owner);
    for (auto map = first; map != last; ++map) add(map->second, block);
  }
  return all;
}

std::string entries_text(const std::vector<model::IdEntry>& entries) {
  std::vector<std::string> texts;
  for (const auto& entry : entries) texts.push_back(entry.str());
  return view::joined(texts);
}

Result<int> say_map(const view::ShownMap& map, const Context& context) {
  if (context.json())
    say_json(to_json(map));
  else
    print(map);
  return kExitOk;
}

Result<int> add(const Args& args, Context& context) {
  auto map = TRY_WRAP("map add " + shown(args.name), parse_map(args));
  auto registry = TRY(id_registry(context));
  TRY_WRAP("map add " + args.name, registry.add_map(map));
  return say_map(TRY(find_map(registry.store(), args)), context);
}

Result<int> list(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  auto json = Json::array();
  Columns columns({"MAP", "OWNER", "UID", "GID", "IDS", "SPACES"});
  for (const auto& map : TRY(all_maps(store))) {
    if (!args.owner.empty() && map.map.owner.str() != args.owner) continue;
    json.push_back(to_json(map));
    const bool same = map.map.uid == map.map.gid;
    columns.add({map.map.name.str(), map.map.owner.str(), entries_text(map.map.uid),
                 same ? "as UID" : entries_text(map.map.gid), grouped(model::total(map.map.uid)),
                 view::names_of(map.spaces)});
  }
  return tell(context, json, columns);
}

Json nullable(const std::optional<model::Translation>& translation) {
  return translation ? Json(translation->id) : Json(nullptr);
}

std::string why_nobody(std::uint32_t id, const view::ShownMap& shown) {
  if (!shown.block.range.contains(id))
    return fmt::format("it is not in {}'s block {}", shown.map.owner.str(), shown.block.range.str());
  return fmt::format("{}'s, but no entry shows it", shown.map.owner.str());
}

/// An ID in both ways: as one inside, and as one of the host.
void translate(const view::ShownMap& shown, std::uint32_t id, Json& json, const Context& context) {
  const auto& block = shown.block.range;
  for (const auto& [kind, entries] : view::kinds(shown.map)) {
    const auto host = model::to_host(*entries, block, id), inside = model::to_inside(*entries, block, id);
    json.push_back({{"map", shown.map.name.str()},
                    {"owner", shown.map.owner.str()},
                    {"kind", kind},
                    {"id", id},
                    {"as_inside_on_host", nullable(host)},
                    {"as_host_inside", nullable(inside)}});
    if (context.json()) continue;
    const auto head = fmt::format("{} of {}, {}: ", shown.map.name.str(), shown.map.owner.str(), kind);
    say(head + (host ? fmt::format("{} inside is {} on the host ({})", grouped(id), grouped(host->id),
                                   host->entry.str())
                     : fmt::format("{} does not exist inside: no entry shows it", grouped(id))));
    say(head + (inside ? fmt::format("{} on the host is {} inside ({})", grouped(id), grouped(inside->id),
                                     inside->entry.str())
                       : fmt::format("{} on the host is nobody ({}) inside: {}", grouped(id), kNobody,
                                     why_nobody(id, shown))));
  }
}

Result<int> show(const Args& args, Context& context) {
  std::optional<std::uint32_t> id;
  if (!args.id.empty()) id = TRY_WRAP("--id", parse_id(args.id));
  auto store = TRY(context.reader());
  if (!id) return say_map(TRY(find_map(store, args)), context);
  std::vector<view::ShownMap> maps;
  if (args.name.empty() && args.owner.empty())
    maps = TRY(all_maps(store));
  else
    maps.push_back(TRY(find_map(store, args)));
  auto json = Json::array();
  for (const auto& map : maps) translate(map, *id, json, context);
  if (context.json()) say_json(json);
  return kExitOk;
}

/// What a file of this owner looks like inside, by way of where it lies.
void explain_one(const view::ShownMap& shown, std::uint32_t id, Json& json, const Context& context) {
  const auto& block = shown.block.range;
  for (const auto& [kind, entries] : view::kinds(shown.map)) {
    const auto plain = model::to_inside(*entries, block, id), mapped = model::to_host(*entries, block, id);
    json.push_back({{"kind", kind},
                    {"id", id},
                    {"plain", plain ? plain->id : kNobody},
                    {"plain_mapped", plain.has_value()},
                    {"rootfs", mapped ? id : kNobody},
                    {"rootfs_mapped", mapped.has_value()}});
    if (context.json()) continue;
    say(fmt::format("a file owned by {} ({})", grouped(id), kind));
    say("  in a directory as it is (--bind):   " +
        (plain ? fmt::format("{} ({})", grouped(plain->id), plain->entry.str())
               : fmt::format("nobody ({}): {}", kNobody, why_nobody(id, shown))));
    say("  in a tree mapped to it (--rootfs):  " +
        (mapped ? fmt::format("{} ({}, {} to the host's processes)", grouped(id), mapped->entry.str(),
                              grouped(mapped->id))
                : fmt::format("nobody ({}): no entry shows {} inside", kNobody, grouped(id))));
  }
}

Result<int> explain(const Args& args, Context& context) {
  std::vector<std::uint32_t> ids;
  for (const auto& text : args.ids) ids.push_back(TRY(parse_id(text)));
  auto store = TRY(context.reader());
  const auto map = TRY(find_map(store, args));
  auto json = Json::array();
  for (const auto id : ids) explain_one(map, id, json, context);
  if (context.json()) say_json(json);
  return kExitOk;
}

Result<int> remove(const Args& args, Context& context) {
  std::vector<MapName> names;
  for (const auto& text : args.names) names.push_back(TRY(MapName::parse(text)));
  auto registry = TRY(id_registry(context));
  TRY_WRAP("map rm", registry.remove_maps(names));
  return kExitOk;
}

Result<int> assign(const Args& args, Context& context) {
  const auto space = TRY(SpaceName::parse(args.space));
  std::optional<MapName> map;
  std::optional<OwnerName> owner;
  if (!by_default(args.name)) map = TRY(MapName::parse(args.name));
  if (!args.owner.empty()) owner = TRY(OwnerName::parse(args.owner));
  if (map && owner) return fail(Code::usage, "map assign: the map says whose it is; leave --owner out");
  if (!map && args.name.empty() && !owner)
    return fail(Code::usage, "map assign: name a map, `default`, or --owner for the default map of one");
  auto registry = TRY(id_registry(context));
  TRY_WRAP("map assign " + args.space, registry.assign(space, map, owner));
  if (!context.json())
    say(fmt::format("{}: map {} of {}, from its next start on (`warren down`, `warren up`)", args.space,
                    map ? map->str() : std::string(model::kDefaultMap),
                    map     ? TRY(registry.store().ids().map(*map))->owner.str()
                    : owner ? owner->str()
                            : args.space));
  return kExitOk;
}

Result<int> split(const Args& args, Context& context) {
  const auto owner = TRY(OwnerName::parse(args.owner));
  auto registry = TRY(id_registry(context));
  auto json = Json::array();
  Columns columns({"MAP", "ENTRY", "HOST"});
  for (auto& map : TRY_WRAP("map split " + args.owner, registry.split(owner))) {
    const auto one = TRY(with_block(registry.store(), std::move(map)));
    const auto runs = model::runs(one.map, one.block.range);
    json.push_back(to_json(one));
    columns.add({one.map.name.str(), one.map.uid.front().str(),
                 IdRange{runs.uid.front().outside, runs.uid.front().count}.str()});
  }
  return tell(context, json, columns);
}

void add_which(const Command& command, Args& args) {
  command.add_option("name", args.name, "Name of the map; 'default': that of --owner");
  command.add_option("--owner", args.owner, "Whose default map");
}

void register_readers(const Command& map, Context& context) {
  const auto list_args = std::make_shared<Args>();
  const auto list_command = map.add_subcommand("ls", "List maps");
  list_command.add_option("--owner", list_args->owner, "Of this owner only");
  list_command.footer("Example:\n  warren map ls");
  on(list_command, context, list_args, list);

  const auto show_args = std::make_shared<Args>();
  const auto show_command = map.add_subcommand("show", "Show a map, or translate an ID both ways");
  add_which(show_command, *show_args);
  show_command.add_option("--id", show_args->id, "Translate this ID; by all maps where none is named");
  show_command.footer("Example:\n  warren map show big\n  warren map show big --id 5000123");
  on(show_command, context, show_args, show);

  const auto explain_args = std::make_shared<Args>();
  const auto explain_command =
      map.add_subcommand("explain", "Say what the files of an owner look like inside");
  explain_command.add_option("name", explain_args->name, "Name of the map; 'default': that of --owner")
      .required();
  explain_command.add_option("id", explain_args->ids, "UIDs or GIDs on disk").required();
  explain_command.add_option("--owner", explain_args->owner, "Whose default map");
  explain_command.footer("Example:\n  warren map explain big 0 1148699");
  on(explain_command, context, explain_args, explain);
}

void register_assigning(const Command& map, Context& context) {
  const auto remove_args = std::make_shared<Args>();
  const auto remove_command = map.add_subcommand("rm", "Remove maps that nothing uses");
  remove_command.add_option("name", remove_args->names, "Names of the maps").required();
  remove_command.footer("Example:\n  warren map rm big");
  on(remove_command, context, remove_args, remove);

  const auto assign_args = std::make_shared<Args>();
  const auto assign_command =
      map.add_subcommand("assign", "Say which map a space has from its next start on");
  assign_command.add_option("space", assign_args->space, "Name of the space").required();
  assign_command.add_option("name", assign_args->name, "Name of the map; 'default': back to its own");
  assign_command.add_option("--owner", assign_args->owner, "The default map of this owner");
  assign_command.footer("Example:\n  warren map assign web1 big\n  warren map assign web2 --owner alice");
  on(assign_command, context, assign_args, assign);

  const auto split_args = std::make_shared<Args>();
  const auto split_command = map.add_subcommand("split", "Make the disjoint maps of 65,536 IDs of a block");
  split_command.add_option("owner", split_args->owner, "Whose block").required();
  split_command.footer("Example:\n  warren map split alice");
  on(split_command, context, split_args, split);
}

}  // namespace

void register_map(const Command& program, Context& context) {
  const auto map = program.add_subcommand("map", "Say which IDs of its block a guest sees, and as what");
  map.require_subcommand();
  map.footer("Example:\n  warren map add big --owner alice --both 0:0:65536 --both 5000000:100000:200000");
  const auto add_args = std::make_shared<Args>();
  const auto add_command = map.add_subcommand("add", "Make a map");
  add_command.add_option("name", add_args->name, "Name of the map").required();
  add_command.add_option("--owner", add_args->owner, "Whose block it shows").required();
  constexpr auto entry = "INSIDE:BLOCK:COUNT";
  add_command
      .add_option("--uid", add_args->uid, "COUNT UIDs from INSIDE on are those from BLOCK on, of the block")
      .type_name(entry)
      .one_each();
  add_command.add_option("--gid", add_args->gid, "The same for GIDs").type_name(entry).one_each();
  add_command.add_option("--both", add_args->both, "The same for both").type_name(entry).one_each();
  add_command.footer(
      "Example:\n  warren map add big --owner alice --both 0:0:65536 --both 5000000:100000:200000");
  on(add_command, context, add_args, add);
  register_readers(map, context);
  register_assigning(map, context);
}

}  // namespace warren::cli::map_command
