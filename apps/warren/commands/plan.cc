// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <charconv>
#include "commands.h"
#include "output.h"
#include "store/spaces.h"
#include "view/space.h"

namespace warren::cli::plan_command {
namespace {

struct Args {
  std::string what;
};

/// A space that has this number, real or not.
Result<model::Space> by_number(store::Store& store, const model::Settings& settings,
                               const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < kFirstNumber ||
      number > model::last_number(settings))
    return fail(Code::usage, fmt::format("'{}' is no number of a space: write {} to {}", shown(text),
                                         kFirstNumber, model::last_number(settings)));
  const auto wanted = static_cast<SpaceNumber>(number);
  if (auto space = TRY(store.spaces().find(wanted))) return *space;
  model::Space space;
  space.number = wanted;
  space.name = TRY(SpaceName::parse(fmt::format("n{}", number)));
  return space;
}

Result<int> run(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  const auto settings = TRY(context.settings_with(store));
  const bool number = !args.what.empty() && args.what[0] >= '0' && args.what[0] <= '9';
  model::Space space;
  if (number)
    space = TRY(by_number(store, settings, args.what));
  else {
    const auto name = TRY(SpaceName::parse(args.what));
    const auto found = TRY(store.spaces().find(name));
    if (!found)
      return fail(Code::not_found,
                  fmt::format("there is no space '{0}'; `warren add {0} --dry-run` shows what it would be",
                              args.what));
    space = *found;
  }
  if (context.json())
    say_json(view::to_json(context.place, space, settings));
  else
    for (const auto& line : view::describe(context.place, space, settings)) say(line);
  return kExitOk;
}

}  // namespace

void register_plan(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("plan", "Print all that derives from a space's number, touching nothing");
  command.add_option("what", args->what, "Name or number of a space").required();
  command.footer("Example:\n  warren plan 42");
  on(command, context, args, run);
}

}  // namespace warren::cli::plan_command
