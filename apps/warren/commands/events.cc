// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include <fstream>

#include "commands.h"
#include "output.h"

namespace warren::cli::events_command {
namespace {

struct Args {
  std::size_t last = 100;
};

void read_lines(const std::string& path, std::vector<Json>& events) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    // The last may have been cut off by a full disk or a crash.
    if (auto event = Json::parse(line); event && event->is_object()) events.push_back(std::move(*event));
}

std::string shown(const Json* value) {
  if (!value) return "?";
  return value->text() ? *value->text() : value->dump();
}

void print(const Json& event) {
  std::string text;
  for (const auto& [key, value] : event.members()) {
    if (key == "time" || key == "event") continue;
    text += fmt::format("  {}: {}\n", key, shown(&value));
  }
  say(fmt::format("{} {}", shown(event.find("time")), shown(event.find("event"))));
  if (!text.empty()) say(std::string_view(text).substr(0, text.size() - 1));
}

Result<int> run(const Args& args, Context& context) {
  TRY(require_root());
  const auto path = context.place.in_run("events.jsonl");
  std::vector<Json> events;
  read_lines(path + ".1", events);
  read_lines(path, events);
  if (events.size() > args.last)
    events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(args.last));
  if (context.json())
    say_json(Json(events));
  else
    for (const auto& event : events) print(event);
  return kExitOk;
}

}  // namespace

void register_events(const Command& program, Context& context) {
  const auto args = std::make_shared<Args>();
  const auto command =
      program.add_subcommand("events", "Print what warrend found and mended since the machine came up");
  command.add_option("-n,--lines", args->last, "Only the last so many (default: 100)");
  command.footer("Example:\n  warren events -n 5");
  on(command, context, args, run);
}

}  // namespace warren::cli::events_command
