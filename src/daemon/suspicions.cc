// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/suspicions.h"

#include <algorithm>

#include "model/derive.h"

namespace warren::daemon {
namespace {

std::string client_name(const model::Space& space, const model::Device& device) {
  return device.name.str() + " of " + space.name.str();
}

}  // namespace

void Suspicions::expect(const model::Settings& settings, const std::vector<model::Space>& spaces) {
  links_.clear();
  pins_.clear();
  addresses_.clear();
  networks_.clear();
  with_clients_.clear();
  for (const auto& space : spaces) {
    if (space.state != model::State::up) continue;
    pins_.insert(space.name.str());
    for (const auto& device : space.devices)
      if (device.kind == model::DeviceKind::veth || device.shim)
        links_.insert(model::host_link(space.number, device).str());
    if (std::ranges::any_of(space.devices, &model::Device::dhcp)) with_clients_.push_back(space);
    if (!space.uplink) continue;
    const auto wiring = model::wiring(space, settings);
    links_.insert(wiring.outer.str());
    addresses_.insert(wiring.ip4);
    if (wiring.ip6) addresses_.insert(*wiring.ip6);
  }
  if (pins_.empty()) return;  // nothing of ours is to stand
  addresses_.insert(model::gateway4(settings));
  if (const auto gateway = model::gateway6(settings)) addresses_.insert(*gateway);
  networks_.push_back(settings.pool);
  if (settings.ipv6 && settings.ula) networks_.push_back(*settings.ula);
}

void Suspicions::lost_link(const std::string& name) {
  if (links_.contains(name)) all_.emplace(Kind::link, name);
}

void Suspicions::lost_address(const Ip& ip) {
  if (addresses_.contains(ip)) all_.emplace(Kind::route, Cidr(ip, ip.bits()).str());
}

void Suspicions::lost_route(const Cidr& network) {
  if (concerns(network)) all_.emplace(Kind::route, network.str());
}

void Suspicions::lost_pin(const std::string& name) {
  if (pins_.contains(name)) all_.emplace(Kind::pin, name);
}

void Suspicions::lost_client(const model::Space& space, const model::Device& device) {
  all_.emplace(Kind::client, client_name(space, device));
}

void Suspicions::rules_changed(const std::string& by) { all_.emplace(Kind::rules, by); }

void Suspicions::lost_word(const std::string& of) { all_.emplace(Kind::lost, of); }

/// A pool, or a network in which an address of ours lies.
bool Suspicions::concerns(const Cidr& network) const {
  if (std::ranges::find(networks_, network) != networks_.end()) return true;
  return std::ranges::any_of(addresses_, [&](const Ip& ip) { return network.contains(ip); });
}

bool Suspicions::is_client(const std::string& name) const {
  return std::ranges::any_of(with_clients_, [&](const model::Space& space) {
    return std::ranges::any_of(space.devices, [&](const model::Device& device) {
      return device.dhcp && client_name(space, device) == name;
    });
  });
}

/// A link, a pin or a route may have gone because its space was taken away by warren itself.
bool Suspicions::holds(Kind kind, const std::string& name) const {
  if (pins_.empty()) return false;
  if (kind == Kind::link) return links_.contains(name);
  if (kind == Kind::pin) return pins_.contains(name);
  if (kind == Kind::client) return is_client(name);
  if (kind != Kind::route) return true;
  const auto network = Cidr::parse(name);
  return network && concerns(*network);
}

std::vector<std::string> Suspicions::take() {
  std::vector<std::string> causes;
  for (const auto& [kind, name] : all_) {
    if (!holds(kind, name)) continue;
    if (kind == Kind::link) causes.push_back("link " + name);
    if (kind == Kind::route) causes.push_back("address or route " + name);
    if (kind == Kind::pin) causes.push_back(place_.pin(name));
    if (kind == Kind::client) causes.push_back("DHCP client of " + name);
    if (kind == Kind::rules) causes.push_back("rules, by " + name);
    if (kind == Kind::lost) causes.push_back("lost notifications of " + name);
  }
  all_.clear();
  return causes;
}

}  // namespace warren::daemon
