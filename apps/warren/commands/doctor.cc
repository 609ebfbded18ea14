// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "doctor/examine.h"
#include "host/host.h"
#include "model/derive.h"
#include "output.h"
#include "store/spaces.h"

namespace warren::cli::doctor_command {
namespace {

struct Args {};

using doctor::Finding;

void print(const std::vector<Finding>& findings) {
  for (const auto& finding : findings) {
    say(fmt::format("{:<8} {}: {}", doctor::name(finding.level), finding.topic, finding.what));
    for (const auto& command : finding.remedies) say("         remedy: " + command);
  }
}

void print_json(const std::vector<Finding>& findings) {
  auto list = Json::array();
  for (const auto& finding : findings)
    list.push_back({{"level", doctor::name(finding.level)},
                    {"topic", finding.topic},
                    {"what", finding.what},
                    {"remedies", finding.remedies}});
  say_json(Json{{"findings", list}});
}

Result<std::vector<std::string>> links_of(store::Store& store, const model::Settings& settings) {
  std::vector<std::string> links;
  const auto spaces = TRY(store.spaces().all());
  for (const auto& space : spaces)
    if (space.state == model::State::up && space.uplink)
      links.push_back(model::wiring(space, settings).outer.str());
  return links;
}

Result<int> run(const Args&, Context& context) {
  auto store = TRY(context.reader());
  const auto settings = TRY(context.settings_with(store));
  host::Kernel kernel(context.place);
  std::vector<Finding> findings;
  std::optional<IfName> uplink;
  if (const auto host = host::read_host(*TRY(kernel.route()), settings); !host)
    findings.push_back({Finding::Level::problem, "host", host.error().what, {}});
  else if (!host->uplinks.empty())
    uplink = host->uplinks.front();
  auto more = TRY_WRAP("doctor", doctor::examine({settings, uplink, TRY(links_of(store, settings))}));
  std::ranges::move(more, std::back_inserter(findings));
  if (context.json())
    print_json(findings);
  else
    print(findings);
  const bool bad =
      std::ranges::any_of(findings, [](const auto& f) { return f.level == Finding::Level::problem; });
  return bad ? kExitFound : kExitOk;
}

}  // namespace

void register_doctor(const Command& program, Context& context) {
  const auto command =
      program.add_subcommand("doctor", "Find what on this host gets in the way, and print the remedy");
  command.footer("Example:\n  warren doctor");
  on(command, context, std::make_shared<Args>(), run);
}

}  // namespace warren::cli::doctor_command
