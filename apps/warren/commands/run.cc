// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include "commands.h"
#include "guest/guest.h"
#include "guest/subids.h"
#include "kinds/ids/ids.h"
#include "sys/lock.h"
#include "view/look.h"

namespace warren::cli::run_command {
namespace {

struct Args {
  std::string name;
  std::string map;
  std::vector<std::string> binds;
  std::vector<std::string> command;  // for the help: the words are the context's
  guest::Request request;
};

/// The user namespace of an adopted space is another program's: only one with our IDs may be joined.
Status take_ids(guest::Request& request, const Args& args, const Context& context) {
  const auto settings = TRY(context.settings());
  auto store = TRY(store::Store::open(context.place.store));
  const auto space = TRY(view::find_space(store, args.name));
  const auto map = args.map.empty() ? std::nullopt : std::optional(args.map);
  request.ids = TRY(ids::id_runs(context.place, store, settings.ids, space, map));
  request.exact_ids = map || space.adopted;
  return {};
}

Status complete(guest::Request& request, const Args& args, const Context& context) {
  request.place = context.place;
  request.space = TRY(SpaceName::parse(args.name));
  for (const auto& bind : args.binds) request.binds.push_back(TRY(guest::Bind::parse(bind)));
  if (!request.hostname.empty()) TRY(guest::check_hostname(request.hostname));
  if (request.boot && ::geteuid() != 0) return fail(Code::permission, "--boot needs root");
  if (::geteuid() == 0) {
    TRY(take_ids(request, args, context));
  } else if (args.map.empty()) {
    request.ids = TRY(guest::delegated_ids());
  } else {
    return fail(Code::permission, "--map needs root: a user's IDs are those of /etc/subuid and /etc/subgid");
  }
  request.command = context.guest_command;
  if (request.command.empty()) request.command = {request.boot ? "/sbin/init" : "/bin/sh"};
  return {};
}

Result<int> run(const Args& args, Context& context) {
  auto request = args.request;
  std::optional<sys::IdsLock> lock;
  if (::geteuid() == 0) {
    TRY(require_writer());  // a space without IDs is given some, in turn with other writers
    lock.emplace(TRY(sys::IdsLock::share(context.place)));
  }
  TRY(complete(request, args, context));
  return guest::run(request, std::move(lock));
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
  command.add_option("command", args.command, "Command and its arguments (/bin/sh)");
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

}  // namespace warren::cli::run_command
