// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <iterator>

#include "config/devices.h"
#include "config/spaces_file.h"

namespace warren::config {
namespace {

using Out = std::back_insert_iterator<std::string>;

constexpr std::size_t kPortsPerLine = 8;

void write_ports(Out out, const std::vector<model::Forward>& forwards) {
  if (forwards.empty()) return;
  const bool one_line = forwards.size() <= kPortsPerLine;
  fmt::format_to(out, "ports = [");
  for (std::size_t i = 0; i < forwards.size(); ++i) {
    if (!one_line && i % kPortsPerLine == 0)
      fmt::format_to(out, "{}\n  ", i == 0 ? "" : ",");
    else if (i != 0)
      fmt::format_to(out, ", ");
    fmt::format_to(out, "\"{}\"", forwards[i].spec());
  }
  fmt::format_to(out, "{}]\n", one_line ? "" : "\n");
}

void write_space(Out out, const model::Space& space) {
  const auto& name = space.name.str();  // of its characters only '.' needs quotes
  const auto quote = name.find('.') == name.npos ? "" : "\"";
  fmt::format_to(out, "[space.{}{}{}]\nnumber = {}\n", quote, name, quote, space.number);
  if (space.ip4) fmt::format_to(out, "ip4 = \"{}\"\n", space.ip4->str());
  if (space.ip6) fmt::format_to(out, "ip6 = \"{}\"\n", space.ip6->str());
  if (!space.nat) fmt::format_to(out, "nat = false\n");
  if (space.state == model::State::down) fmt::format_to(out, "state = \"down\"\n");
  if (!space.uplink) fmt::format_to(out, "uplink = false\n");
  write_ports(out, space.forwards);
  for (const auto& device : space.devices)
    if (!device.leaving)
      fmt::format_to(out, "\n[[space.{}{}{}.device]]\n{}", quote, name, quote, write_device(device));
}

}  // namespace

std::string write_spaces(const std::vector<model::Space>& spaces) {
  std::string text;
  for (const auto& space : spaces) {
    if (space.state == model::State::removing) continue;
    if (!text.empty()) text += '\n';
    write_space(std::back_inserter(text), space);
  }
  return text;
}

}  // namespace warren::config
