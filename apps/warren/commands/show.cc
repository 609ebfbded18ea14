// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"
#include "sys/process.h"
#include "view/devices.h"
#include "view/look.h"
#include "view/space.h"
#include "view/status.h"

namespace warren::cli::show_command {
namespace {

struct Args {
  std::string name;
};

void print(const Place& place, const view::SpaceStatus& status, const model::Settings& settings,
           const std::vector<pid_t>& pids) {
  say(fmt::format("{} is {}", status.space.name.str(), status.state()));
  for (const auto& line : view::describe(place, status.space, settings)) say("  " + line);
  say(fmt::format("  received    {} in {} packets", bytes(status.received_bytes), status.received_packets));
  say(fmt::format("  sent        {} in {} packets", bytes(status.sent_bytes), status.sent_packets));
  for (const auto& device : view::look_at(place, status.space))
    say("  device      " + view::in_words(status.space, device));
  say(fmt::format("  processes   {}", pids.size()));
  const auto& refused = status.refused;
  say(fmt::format("  refused     {} spoofed, {} to the host, {} unpublished, {} over the limit",
                  refused.spoofed, refused.denied_host, refused.unpublished, refused.over_limit));
  for (const auto& [forward, connections] : status.forwards)
    say(fmt::format("  forward     {} ({} connections)", forward.str(), connections));
}

Result<int> run(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto space = TRY_WRAP("show", view::find_space(store, args.name));
  const auto settings = TRY(context.settings_with(store));
  host::Kernel kernel(context.place);
  const auto status = TRY(view::read_status(kernel, settings, {space})).front();
  const auto pids = TRY(view::pids_inside(context.place, space.name));
  if (context.json()) {
    auto json = to_json(context.place, status, settings);
    json["pids"] = pids;
    json["devices"] = Json::array();
    for (const auto& device : view::look_at(context.place, space))
      json["devices"].push_back(view::to_json(space, device));
    say_json(json);
  } else {
    print(context.place, status, settings, pids);
  }
  return kExitOk;
}

}  // namespace

void register_show(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("show", "Show one space: addresses, forwards, traffic, what was refused");
  command.add_option("name", args->name, "Name of the space").required();
  command.footer("Example:\n  warren show web1");
  on(command, context, args, run);
}

}  // namespace warren::cli::show_command
