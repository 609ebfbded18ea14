// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"
#include "store/spaces.h"
#include "view/space.h"
#include "view/status.h"

namespace warren::cli::ls_command {
namespace {

struct Args {};

std::string forwards(const model::Space& space) {
  if (space.forwards.empty()) return "-";
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(space.forwards.size(), 4); ++i)
    text += fmt::format("{}{}", i ? ", " : "", space.forwards[i].spec());
  if (space.forwards.size() > 4) text += fmt::format(", {} more", space.forwards.size() - 4);
  return text;
}

Result<int> run(const Args&, Context& context) {
  auto store = TRY(context.reader());
  const auto settings = TRY(context.settings_with(store));
  host::Kernel kernel(context.place);
  const auto all = TRY(view::read_status(kernel, settings, TRY(store.spaces().all())));
  if (context.json()) {
    auto list = Json::array();
    for (const auto& status : all) list.push_back(to_json(context.place, status, settings));
    say_json(list);
    return kExitOk;
  }
  Columns columns({"NAME", "NUMBER", "STATE", "IPV4", "IPV6", "RECEIVED", "SENT", "FORWARDS"});
  for (const auto& s : all)
    columns.add({s.space.name.str(), std::to_string(s.space.number), std::string(s.state()),
                 s.space.uplink ? s.wiring.ip4.str() : "-",
                 s.space.uplink && s.wiring.ip6 ? s.wiring.ip6->str() : "-", bytes(s.received_bytes),
                 bytes(s.sent_bytes), forwards(s.space)});
  columns.print();
  return kExitOk;
}

}  // namespace

void register_ls(const Command& program, Context& context) {
  const auto command = program.add_subcommand("ls", "List the spaces");
  command.footer("Example:\n  warren ls -o json");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::ls_command
