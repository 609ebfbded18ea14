// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/space.h"

#include <fmt/format.h>

#include "model/derive.h"

namespace warren::view {

Json to_json(const model::Forward& forward) {
  Json json;
  json["protocol"] = name(forward.proto);
  json["host_address"] = forward.host ? Json(forward.host->str()) : Json(nullptr);
  json["host_ports"] = forward.ports.str();
  json["port"] = forward.to;
  json["spec"] = forward.spec();
  return json;
}

Json to_json(const Place& place, const model::Space& space, const model::Settings& settings) {
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
  json["netns"] = place.pin(space.name.str());
  json["nat"] = space.nat;
  json["adopted"] = space.adopted;
  json["forwards"] = Json::array();
  for (const auto& forward : space.forwards) json["forwards"].push_back(to_json(forward));
  return json;
}

Json to_json(const Place& place, const SpaceStatus& status, const model::Settings& settings) {
  auto json = to_json(place, status.space, settings);
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

std::vector<std::string> describe(const Place& place, const model::Space& space,
                                  const model::Settings& settings) {
  const auto w = model::wiring(space, settings);
  const auto netns =
      fmt::format("namespace   {}{}", place.pin(space.name.str()), space.adopted ? " (adopted)" : "");
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

}  // namespace warren::view
