// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/explain.h"

#include "commands.h"
#include "output.h"

namespace warren::cli::explain_command {
namespace {

struct Args {
  std::string what;
};

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// A number is a port where a forward has it, or where no process can have it; else a process.
Result<view::Explanation> explain_number(view::Explainer& explainer, const std::string& text) {
  const auto port = parse_port(text);
  if (port && TRY(explainer.has_forward(*port))) return explainer.port(*port);
  const auto pid = TRY(parse_pid(text));
  auto process = explainer.process(pid);
  if (process || !port) return process;
  return explainer.port(*port);
}

Result<view::Explanation> explain(view::Explainer& explainer, const std::string& text) {
  if (is_number(text)) return explain_number(explainer, text);
  if (const auto ip = Ip::parse(text)) return explainer.address(*ip);
  const auto name = SpaceName::parse(text);
  if (!name)
    return fail(Code::usage, "'" + shown(text) + "' is no port, address, process ID or name of a space");
  return explainer.space(*name);
}

Result<int> run(const Args& args, Context& context) {
  auto store = TRY(context.reader());
  auto settings = TRY(context.settings_with(store));
  view::Explainer explainer(context.place, std::move(store), std::move(settings));
  const auto explanation = TRY_WRAP("explain", explain(explainer, args.what));
  if (context.json())
    say_json(explanation.json);
  else
    for (const auto& line : explanation.lines) say(line);
  return kExitOk;
}

}  // namespace

void register_explain(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command = program.add_subcommand(
      "explain", "Say where a port, address, process or space leads, and what stops it");
  command.add_option("what", args->what, "PORT, ADDRESS, PID or NAME").required();
  command.footer("Example:\n  warren explain 6000");
  on(command, context, args, run);
}

}  // namespace warren::cli::explain_command
