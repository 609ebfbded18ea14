// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <cstdlib>

#include "base/log.h"
#include "commands.h"
#include "output.h"
#include "view/events.h"

namespace warren::cli::monitor_command {
namespace {

struct Args {};

Result<int> run(const Args&, Context& context) {
  auto store = TRY(context.reader());
  auto settings = TRY(context.settings_with(store));
  auto watch = TRY(view::Watch::open(context.place, std::move(store), std::move(settings)));
  TRY_WRAP("monitor", watch.run([&](const view::Event& event) {
    // One event a line in JSON too, so that a reader need not wait for an end.
    say(context.json() ? event.json().dump() : event.line());
    if (const auto written = flush_output(); !written) {
      note("monitor: " + written.error().what);
      std::exit(kExitFailed);  // nobody listens any more
    }
  }));
  return kExitOk;
}

}  // namespace

void register_monitor(const Command& program, Context& context) {
  const auto command = program.add_subcommand("monitor", "Print what happens to the spaces, as it happens");
  command.footer("Example:\n  warren monitor -o json");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::monitor_command
