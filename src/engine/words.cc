// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "engine/kinds.h"
#include "engine/plan.h"
#include "model/derive.h"

namespace warren::engine {
namespace {

using model::HostPart;

std::string element_text(const Element& e) {
  if (e.set == SetId::sources) return fmt::format("source {} on {}", e.address.str(), e.interface.str());
  if (e.set == SetId::no_nat) return fmt::format("no NAT for {}", e.address.str());
  if (e.set == SetId::confined) return fmt::format("confinement of UID {}", e.uid);
  if (e.set == SetId::services)
    return fmt::format("service {} {}:{} for {}", name(e.proto), e.address.str(), e.ports.str(),
                       e.interface.str());
  const auto host =
      e.set == SetId::forwards_at || e.set == SetId::ranges_at ? e.address.bracketed() + ":" : "";
  const auto to = e.to_port != 0 ? fmt::format("{}:{}", e.to.bracketed(), e.to_port) : e.to.str();
  return fmt::format("forward {} {}{} to {}", name(e.proto), host, e.ports.str(), to);
}

std::string host_text(HostPart part, const model::Settings& settings) {
  switch (part) {
    case HostPart::gateway4:
      return fmt::format("gateway address {} is not on lo", gateway4(settings).str());
    case HostPart::gateway6:
      return fmt::format("gateway address {} is not on lo", gateway6(settings).value_or(Ip()).str());
    case HostPart::pool_route4:
      return fmt::format("no unreachable route for {}", settings.pool.str());
    case HostPart::pool_route6:
      return fmt::format("no unreachable route for {}", settings.ula.value_or(Cidr()).str());
  }
  return {};
}

void host_faults(const model::Plan& plan, const model::Settings& settings, std::vector<std::string>& lines) {
  for (const auto part : plan.host) lines.push_back("host: " + host_text(part, settings));
  for (const auto& change : plan.sysctls)
    lines.push_back(fmt::format("host: {} is {}, wants {}", change.key, change.from, change.to));
  if (plan.remove_table) lines.emplace_back("nft: table inet warren stands, but there is no space");
  if (plan.new_rules)
    lines.emplace_back(plan.table_missing
                           ? "nft: table inet warren is not there"
                           : "nft: the rules of table inet warren were changed, or the settings were");
  for (const auto& link : plan.stray_links)
    lines.push_back(fmt::format("host: link {} belongs to no space", link));
}

}  // namespace

std::vector<std::string> faults(const model::Plan& plan, const model::Desired& desired,
                                const std::function<bool(const SpaceName&)>& skip) {
  std::vector<std::string> lines;
  host_faults(plan, desired.settings, lines);
  std::vector<std::string> said;
  for (const auto& step : plan.steps) {
    if (skip(step.space->name)) continue;
    said.clear();
    kKinds[step.kind]->say(step, desired.settings, said);
    for (const auto& line : said) lines.push_back(fmt::format("space {}: {}", step.space->name.str(), line));
  }
  std::vector<Element> skipped;
  for (const auto& space : desired.spaces)
    if (skip(space.name))
      std::ranges::move(model::elements(space, desired.settings), std::back_inserter(skipped));
  std::ranges::sort(skipped);
  for (const auto& element : plan.remove) lines.push_back("nft: too much: " + element_text(element));
  if (!plan.new_rules)
    for (const auto& element : plan.add)
      if (!std::ranges::binary_search(skipped, element))
        lines.push_back("nft: missing: " + element_text(element));
  return lines;
}

}  // namespace warren::engine
