// SPDX-License-Identifier: GPL-2.0-or-later
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

#include "apply/ids.h"
#include "commands.h"
#include "guest/guest.h"
#include "guest/subids.h"
#include "look.h"

namespace warren::cli {
namespace {

struct Args {
  std::string name;
  std::string map;
  std::vector<std::string> binds;
  guest::Request request;
};

Result<IdRuns> ids_of(const Args& args, const Context& context) {
  const auto settings = TRY(context.settings());
  auto store = TRY(store::Store::open(apply::kStorePath));
  const auto space = TRY(find_space(store, args.name));
  const auto map = args.map.empty() ? std::nullopt : std::optional(args.map);
  return apply::id_runs(store, settings.ids, space, map);
}

/// May the namespaces be made by whoever made the space's? Not so where that was another program.
Result<bool> is_adopted(const Args& args) {
  auto store = TRY(store::Store::open_read_only(apply::kStorePath));
  return TRY(find_space(store, args.name)).adopted;
}

Status complete(guest::Request& request, const Args& args, const Context& context) {
  request.space = TRY(SpaceName::parse(args.name));
  for (const auto& bind : args.binds) request.binds.push_back(TRY(guest::Bind::parse(bind)));
  if (!request.hostname.empty()) TRY(guest::check_hostname(request.hostname));
  const bool root = ::geteuid() == 0;
  if (!root && !args.map.empty())
    return fail(Code::permission, "--map needs root: a user's IDs are those of /etc/subuid and /etc/subgid");
  request.exact_ids = root && (!args.map.empty() || TRY(is_adopted(args)));
  request.ids = [&args, &context, root] { return root ? ids_of(args, context) : guest::delegated_ids(); };
  if (request.command.empty()) request.command = {request.boot ? "/sbin/init" : "/bin/sh"};
  return {};
}

Result<int> run(const Args& args, Context& context) {
  auto request = args.request;
  TRY(complete(request, args, context));
  return guest::run(request);
}

void add_options(const Command& command, Args& args) {
  auto& request = args.request;
  command.add_option("name", args.name, "Name of the space").required();
  command.add_option("--map", args.map, "ID map in place of the space's own; `default` is the owner's block");
  command.add_option("--rootfs", request.rootfs, "Directory that becomes its /, owners mapped")
      .type_name("DIR");
  command.add_option("-u,--user", request.user, "Run as this user of the guest");
  command.add_option("--bind", args.binds, "Show a file or directory of the host; may be given again")
      .type_name("SRC:DST[:ro]")
      .one_each();
  command.add_flag("--read-only", request.read_only, "Nothing but /tmp, /run, /dev and binds can be written");
  command.add_option("--hostname", request.hostname, "Its host name (the space's name)");
  command.add_flag("--no-new-privs", request.no_new_privileges, "Setuid programs have no effect");
  command.add_flag("--boot", request.boot, "The command is PID 1 itself, such as /sbin/init");
  command.add_option("command", request.command, "Command and its arguments (/bin/sh)");
}

}  // namespace

void register_run(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("run", "Run a command or a guest in a space, whose root is nobody on the host");
  add_options(command, *args);
  command.footer(
      "Example:\n  warren run web1 --rootfs /srv/guests/web1 --bind /srv/www:/srv/www:ro -- apt-get "
      "--version");
  on(command, context, args, run);
}

}  // namespace warren::cli
