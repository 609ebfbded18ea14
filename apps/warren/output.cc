// SPDX-License-Identifier: GPL-2.0-or-later
#include "output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace warren::cli {

void print(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stdout); }

void say(std::string_view line) { print(fmt::format("{}\n", line)); }

void say_json(const Json& json) { say(json.dump(2)); }

Status flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return fail(Code::failed,
              fmt::format("standard output cannot be written{}{}: not all is told of what was done",
                          errno == 0 ? "" : ": ", errno == 0 ? "" : std::strerror(errno)));
}

void Columns::print() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
    say(line);
  }
}

std::string bytes(std::uint64_t count) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", count) : fmt::format("{:.1f} {}", value, units[unit]);
}

model::Progress progress(const std::string& verb) {
  if (!::isatty(STDERR_FILENO)) return {};
  return [verb](std::size_t done, std::size_t all) {
    if (all < 2 || (done % 10 != 0 && done != all)) return;
    const auto text = fmt::format("\r{} {}/{}{}", verb, done, all, done == all ? "\n" : "");
    (void)std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  };
}

Json to_json(const model::Forward& forward) {
  Json json;
  json["protocol"] = name(forward.proto);
  json["host_address"] = forward.host ? Json(forward.host->str()) : Json(nullptr);
  json["host_ports"] = forward.ports.str();
  json["port"] = forward.to;
  json["spec"] = forward.spec();
  return json;
}

Json to_json(const model::Space& space, const model::Settings& settings) {
  const auto w = model::wiring(space, settings);
  Json json;
  json["name"] = space.name.str();
  json["number"] = space.number;
  const auto of_uplink = [&](std::string text) {
    return space.uplink ? Json(std::move(text)) : Json(nullptr);
  };
  json["uplink"] = space.uplink;
  json["ipv4"] = of_uplink(w.ip4.str());
  json["ipv6"] = w.ip6 ? of_uplink(w.ip6->str()) : Json(nullptr);
  json["gateway4"] = of_uplink(model::gateway4(settings).str());
  json["gateway6"] = w.ip6 ? of_uplink(model::link_gateway6().str()) : Json(nullptr);
  json["interface"] = of_uplink(w.inner.str());
  json["mac"] = of_uplink(w.inner_mac.str());
  json["host_interface"] = of_uplink(w.outer.str());
  json["host_mac"] = of_uplink(w.outer_mac.str());
  json["netns"] = "/run/netns/" + space.name.str();
  json["nat"] = space.nat;
  json["adopted"] = space.adopted;
  json["forwards"] = Json::array();
  for (const auto& forward : space.forwards) json["forwards"].push_back(to_json(forward));
  return json;
}

Json to_json(const view::SpaceStatus& status, const model::Settings& settings) {
  auto json = to_json(status.space, settings);
  json["state"] = status.state();
  json["received_bytes"] = status.received_bytes;
  json["received_packets"] = status.received_packets;
  json["sent_bytes"] = status.sent_bytes;
  json["sent_packets"] = status.sent_packets;
  json["refused"] = {{"spoofed", status.refused.spoofed},
                     {"denied_host", status.refused.denied_host},
                     {"unpublished", status.refused.unpublished},
                     {"over_limit", status.refused.over_limit}};
  for (std::size_t i = 0; i < status.forwards.size(); ++i)
    json["forwards"].items()[i]["connections"] = status.forwards[i].connections;
  return json;
}

std::vector<std::string> describe(const model::Space& space, const model::Settings& settings) {
  const auto w = model::wiring(space, settings);
  const auto netns =
      fmt::format("namespace   /run/netns/{}{}", space.name.str(), space.adopted ? " (adopted)" : "");
  if (!space.uplink)
    return {fmt::format("number      {}", space.number), netns,
            "uplink      none: it lives on its devices alone"};
  std::vector<std::string> lines{
      fmt::format("number      {}", space.number),
      fmt::format("ipv4        {} gateway {}", w.ip4.str(), model::gateway4(settings).str()),
      fmt::format("ipv6        {}", w.ip6 ? w.ip6->str() + " gateway " + model::link_gateway6().str()
                                    : settings.ipv6
                                        ? "ULA:" + fmt::format("{:x}", space.number) +
                                              "::2, the ULA prefix is made at the first `warren add`"
                                        : "off"),
      fmt::format("inside      {} {}{}", w.inner.str(), w.inner_mac.str(),
                  w.inner_alt.empty() ? "" : " altname " + w.inner_alt),
      fmt::format("on host     {} {}{}", w.outer.str(), w.outer_mac.str(),
                  w.outer_alt.empty() ? "" : " altname " + w.outer_alt),
      netns,
      fmt::format("nat         {}", space.nat ? "yes" : "no"),
  };
  return lines;
}

}  // namespace warren::cli
