// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/devices.h"

#include <fmt/format.h>

namespace warren::view {
namespace {

bool link_local(const Ip& ip) {
  return !ip.is_v4() && ip.bytes()[0] == 0xfe && (ip.bytes()[1] & 0xc0) == 0x80;
}

/// Those that it has; those that it is to have where it is not there.
std::vector<std::string> addresses(const SeenDevice& seen) {
  std::vector<std::string> all;
  for (const auto& address : seen.inside.link ? seen.inside.addresses : seen.device.addresses)
    if (!link_local(address.ip)) all.push_back(address.str());
  return all;
}

std::string mac(const model::Space& space, const SeenDevice& seen) {
  if (seen.inside.link) return seen.inside.link->mac.str();
  const bool own = seen.device.kind != model::DeviceKind::ipvlan &&
                   (seen.device.kind != model::DeviceKind::physical || seen.device.mac);
  return own ? model::device_mac(space.number, seen.device).str() : "-";
}

std::string or_dash(std::string_view text) { return std::string(text.empty() ? "-" : text); }

Json or_null(std::string text) { return text.empty() ? Json(nullptr) : Json(std::move(text)); }

}  // namespace

std::string_view SeenDevice::state() const {
  if (!inside.link) return "missing";
  return inside.link->up ? "up" : "down";
}

std::vector<SeenDevice> look_at(const Place& place, const model::Space& space) {
  const auto insides = device::look_at_devices(place, space);
  std::vector<SeenDevice> all;
  for (std::size_t i = 0; i < space.devices.size(); ++i)
    if (!space.devices[i].leaving) all.push_back({space.devices[i], insides[i]});
  return all;
}

Json to_json(const model::Space& space, const SeenDevice& seen) {
  const auto& device = seen.device;
  Json json;
  json["space"] = space.name.str();
  json["device"] = device.name.str();
  json["index"] = device.index;
  json["type"] = name(device.kind);
  json["parent"] = or_null(device.parent ? device.parent->str() : "");
  json["vlan"] = device.vlan == 0 ? Json(nullptr) : Json(device.vlan);
  json["mode"] = or_null(std::string(name(device.mode)));
  json["mac"] = mac(space, seen);
  json["addresses"] = addresses(seen);
  json["gateways"] = Json::array();
  for (const auto& gateway : device.gateways) json["gateways"].push_back(gateway.str());
  json["dhcp"] = device.dhcp;
  const bool host_end = device.kind == model::DeviceKind::veth || device.shim;
  json["host_link"] = host_end ? Json(model::host_link(space.number, device).str()) : Json(nullptr);
  json["state"] = seen.state();
  return json;
}

std::string in_words(const model::Space& space, const SeenDevice& seen) {
  auto text = fmt::format("{}, {}", model::str(seen.device), mac(space, seen));
  for (const auto& address : addresses(seen)) text += ", " + address;
  if (seen.device.dhcp) text += ", DHCP";
  return fmt::format("{}, {}", text, seen.state());
}

std::vector<std::string> row(const model::Space& space, const SeenDevice& seen) {
  const auto& device = seen.device;
  const auto all = fmt::format("{}", fmt::join(addresses(seen), " "));
  return {space.name.str(),
          device.name.str(),
          std::string(name(device.kind)),
          or_dash(device.parent ? device.parent->str() : ""),
          device.vlan == 0 ? "-" : std::to_string(device.vlan),
          or_dash(name(device.mode)),
          mac(space, seen),
          or_dash(all),
          std::string(seen.state())};
}

}  // namespace warren::view
