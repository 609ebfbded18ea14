// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/derive.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace warren::model {
namespace {

/// 02:VV:VV:NN:NN:II, unicast and locally administered. The uplink veth has VLAN 0 and index 0.
Mac mac(SpaceNumber number, bool host_end) {
  return {{0x02, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number),
           static_cast<std::uint8_t>(host_end ? 0x80 : 0)}};
}

Ip ula_address(const Cidr& ula, SpaceNumber number, std::uint8_t last) {
  auto bytes = ula.network().bytes();
  bytes[6] = static_cast<std::uint8_t>(number >> 8);
  bytes[7] = static_cast<std::uint8_t>(number);
  bytes[15] = last;
  return Ip::v6(bytes);
}

Element forward_element(const Forward& forward, const Ip& to) {
  Element element;
  element.set = forward.ports.single() ? (forward.host ? SetId::forwards_at : SetId::forwards)
                                       : (forward.host ? SetId::ranges_at : SetId::ranges);
  element.family = to.family();
  if (forward.host)
    element.address = *forward.host;
  else if (!to.is_v4())
    element.address = Ip::v6({});
  element.proto = forward.proto;
  element.ports = forward.ports;
  element.to = to;
  element.to_port = forward.ports.single() ? forward.to : Port{0};
  return element;
}

Element source_element(SetId set, const IfName& interface, const Ip& ip) {
  Element element;
  element.set = set;
  element.family = ip.family();
  element.interface = interface;
  element.address = ip;
  element.to = ip.is_v4() ? Ip() : Ip::v6({});
  return element;
}

Element service_element(const Service& service, const Wiring& wiring) {
  Element element;
  element.set = SetId::services;
  element.interface = wiring.outer;
  element.address = service.target.ip().value_or(Ip());
  element.proto = service.proto;
  element.ports = {service.target.port(), service.target.port()};
  return element;
}

}  // namespace

Wiring wiring(const Space& space, const Settings& settings) {
  Wiring w;
  const auto full_inner = "veth_" + space.name.str();
  const auto full_outer = full_inner + "_o";
  const bool fits = full_outer.size() <= kIfNameMax;
  const auto stem = fits ? full_inner : fmt::format("veth_{}", space.number);
  w.inner = *IfName::parse(stem);
  w.outer = *IfName::parse(stem + "_o");
  if (!fits) w.outer_alt = full_outer, w.inner_alt = full_inner;
  w.outer_mac = mac(space.number, true);
  w.inner_mac = mac(space.number, false);
  w.ip4 = space.ip4 ? *space.ip4 : address4(settings, space.number);
  if (settings.ipv6) w.ip6 = space.ip6 ? space.ip6 : address6(settings, space.number);
  return w;
}

std::optional<SpaceNumber> number_in(const Mac& mac) {
  const auto& bytes = mac.bytes;
  const auto number = static_cast<SpaceNumber>(bytes[3] << 8 | bytes[4]);
  if (bytes[0] != 0x02 || (bytes[5] & 0x80) != 0 || number < kFirstNumber || number > kLastNumber)
    return std::nullopt;
  return number;
}

Ip gateway4(const Settings& settings) { return address4(settings, kHostNumber); }

std::optional<Ip> gateway6(const Settings& settings) {
  if (!settings.ipv6 || !settings.ula) return std::nullopt;
  return ula_address(*settings.ula, kHostNumber, 1);
}

Ip link_gateway6() { return Ip::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}); }

Ip address4(const Settings& settings, SpaceNumber number) {
  return Ip::v4(settings.pool.network().to_u32() + number);
}

std::optional<Ip> address6(const Settings& settings, SpaceNumber number) {
  if (!settings.ipv6 || !settings.ula) return std::nullopt;
  return ula_address(*settings.ula, number, 2);
}

SpaceNumber last_number(const Settings& settings) {
  const auto hosts =
      (std::uint64_t{1} << (32 - settings.pool.prefix())) - 2;  // the last is the broadcast address
  return static_cast<SpaceNumber>(std::min<std::uint64_t>(hosts, kLastNumber));
}

Status check_address(const Settings& settings, const Ip& ip) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::usage, fmt::format("address {} cannot be a space's: {}", ip.str(), why));
  };
  if (!ip.is_v4() && !settings.ipv6) return refuse("IPv6 is off (ipv6 = false in the configuration)");
  if (!ip.is_v4() && !settings.ula)
    return refuse("no ULA prefix is known yet: add a first space without --ip6");
  const auto& pool = ip.is_v4() ? settings.pool : *settings.ula;
  if (!pool.contains(ip)) return refuse(fmt::format("give one inside {}", pool.str()));
  if (ip == gateway4(settings) || ip == gateway6(settings)) return refuse("it is the gateway's");
  if (ip == pool.network()) return refuse("it is the network's own address");
  if (ip.is_v4() && ip.to_u32() == pool.network().to_u32() + (1U << (32 - pool.prefix())) - 1)
    return refuse("it is the broadcast address");
  return {};
}

std::vector<Element> elements(const Forward& forward, const Wiring& wiring) {
  std::vector<Element> all;
  const auto wanted = [&](Family family) { return !forward.host || forward.host->family() == family; };
  if (wanted(Family::v4)) all.push_back(forward_element(forward, wiring.ip4));
  if (wiring.ip6 && wanted(Family::v6)) all.push_back(forward_element(forward, *wiring.ip6));
  return all;
}

std::vector<Element> elements(const Space& space, const Settings& settings) {
  if (!space.uplink) return {};
  const auto w = wiring(space, settings);
  std::vector<Element> all{source_element(SetId::sources, w.outer, w.ip4)};
  if (w.ip6) all.push_back(source_element(SetId::sources, w.outer, *w.ip6));
  if (!space.nat) {
    all.push_back(source_element(SetId::no_nat, {}, w.ip4));
    if (w.ip6) all.push_back(source_element(SetId::no_nat, {}, *w.ip6));
  }
  for (const auto& forward : space.forwards) {
    auto some = elements(forward, w);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::ranges::move(service_elements(space, settings), std::back_inserter(all));
  return all;
}

std::vector<Element> service_elements(const Space& space, const Settings& settings) {
  std::vector<Element> all;
  const auto w = wiring(space, settings);
  for (const auto* service : nat_services(space, settings)) all.push_back(service_element(*service, w));
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<const Service*> nat_services(const Space& space, const Settings& settings) {
  std::vector<const Service*> all;
  if (!space.uplink) return all;
  for (const auto& service : settings.services)
    if (service.mode == ServiceMode::nat && service.scope.covers(space.name)) all.push_back(&service);
  return all;
}

bool has_nat_services(const Settings& settings) {
  return std::ranges::any_of(settings.services, [](const auto& s) { return s.mode == ServiceMode::nat; });
}

}  // namespace warren::model
