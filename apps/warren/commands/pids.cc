// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <map>

#include "base/log.h"
#include "commands.h"
#include "output.h"
#include "sys/process.h"
#include "sys/user.h"
#include "view/look.h"

namespace warren::cli::pids_command {
namespace {

struct Args {
  std::string name;
  std::string by = "unit";
};

struct Guest {
  pid_t pid = 0;
  std::string command;
  std::string unit;  ///< empty where systemd runs it in none
  std::string user;
};

std::vector<Guest> look_at(const std::vector<pid_t>& pids) {
  std::map<uid_t, std::string> names;
  std::vector<Guest> guests;
  for (const auto pid : pids) {
    const auto uid = sys::user_of(pid);
    if (!uid) continue;  // it has just ended
    auto& user = names[*uid];
    if (user.empty()) user = printable(sys::user_name(*uid));
    guests.push_back({pid, sys::command_of(pid), sys::unit_of(pid), user});
  }
  return guests;
}

void print_json(const std::vector<Guest>& guests) {
  auto list = Json::array();
  for (const auto& guest : guests)
    list.push_back({{"pid", guest.pid},
                    {"command", guest.command},
                    {"unit", guest.unit.empty() ? Json(nullptr) : Json(guest.unit)},
                    {"user", guest.user}});
  say_json(list);
}

void print(const std::vector<Guest>& guests, bool by_user) {
  std::map<std::string, std::vector<const Guest*>> groups;
  for (const auto& guest : guests)
    groups[by_user || guest.unit.empty() ? "user " + guest.user : "unit " + guest.unit].push_back(&guest);
  for (const auto& [title, members] : groups) {
    say(title);
    for (const auto* guest : members) say(fmt::format("  {} {}", guest->pid, guest->command));
  }
}

Result<int> run(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto space = TRY_WRAP("pids", view::find_space(store, args.name));
  const auto guests = look_at(TRY(view::pids_inside(context.place, space.name)));
  if (context.json())
    print_json(guests);
  else
    print(guests, args.by == "user");
  return kExitOk;
}

}  // namespace

void register_pids(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand("pids", "List the processes inside a space, by unit or user");
  command.add_option("name", args->name, "Name of the space").required();
  command.add_option("--by", args->by, "Group by unit, where there is one (the default), or by user")
      .one_of({"unit", "user"});
  command.footer("Example:\n  warren pids web1");
  on(command, context, args, run);
}

}  // namespace warren::cli::pids_command
