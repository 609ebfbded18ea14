// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "config/spaces_file.h"
#include "output.h"
#include "store/spaces.h"
#include "view/space.h"

namespace warren::cli::export_command {
namespace {

struct Args {};

Result<int> run(const Args&, Context& context) {
  auto store = TRY(context.reader());
  const auto spaces = TRY(store.spaces().all());
  if (!context.json()) {
    print(config::write_spaces(spaces));
    return kExitOk;
  }
  const auto settings = TRY(context.settings_with(store));
  auto list = Json::array();
  for (const auto& space : spaces) list.push_back(view::to_json(context.place, space, settings));
  say_json(list);
  return kExitOk;
}

}  // namespace

void register_export(const Command& program, Context& context) {
  const auto command = program.add_subcommand("export", "Print all spaces as a file for `warren apply`");
  command.footer("Example:\n  warren export > spaces.toml");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::export_command
