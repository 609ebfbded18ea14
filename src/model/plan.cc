// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace warren::model {
namespace {

constexpr Parts kIpv6Parts{Part::forwarding6,        Part::address6, Part::default6,
                           Part::gateway_neighbour6, Part::route6,   Part::neighbour6};

std::vector<Element> wanted_elements(const Desired& desired) {
  std::vector<Element> all;
  for (const auto& space : desired.spaces) {
    if (space.state != State::up) continue;
    auto some = elements(space, desired.settings);
    std::ranges::move(some, std::back_inserter(all));
  }
  std::ranges::copy(desired.confined, std::back_inserter(all));
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

SpaceChange change(const Space& space, const Settings& settings, const ObservedSpace& seen) {
  SpaceChange change{SpaceChange::Kind::mend, &space, {}, seen};
  if (space.state != State::up) {
    change.kind = SpaceChange::Kind::tear_down;
    return change;
  }
  change.missing = all_parts(space, settings).without(seen.right);
  if (change.missing.has(Part::netns) || change.missing.has(Part::veth))
    change.kind = SpaceChange::Kind::build;
  return change;
}

void plan_elements(const Desired& desired, const Observed& observed, Plan& plan) {
  const auto wanted = wanted_elements(desired);
  if (plan.new_rules) {
    plan.add = wanted;
    return;
  }
  std::ranges::set_difference(observed.elements, wanted, std::back_inserter(plan.remove));
  std::ranges::set_difference(wanted, observed.elements, std::back_inserter(plan.add));
}

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

std::string host_text(HostPart part, const Settings& settings) {
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

void device_faults(const DeviceChange& change, std::vector<std::string>& lines) {
  const auto say = [&](const std::string& what) {
    lines.push_back(fmt::format("space {}: {}", change.space->name.str(), what));
  };
  if (change.kind == DeviceChange::Kind::drop)
    return say(fmt::format("{} is to go, but something of it is left", str(*change.device)));
  if (change.missing.has(DevicePart::link))
    return say(fault(DevicePart::link, *change.space, *change.device));
  for (unsigned i = 0; i < kDevicePartCount; ++i)
    if (const auto part = static_cast<DevicePart>(i); change.missing.has(part))
      say(fault(part, *change.space, *change.device));
}

void plan_devices(const Space& space, const ObservedSpace& seen, Plan& plan) {
  const bool up = space.state == State::up;
  for (std::size_t i = 0; i < space.devices.size(); ++i) {
    const auto& device = space.devices[i];
    const auto right = i < seen.devices.size() ? seen.devices[i] : DeviceParts();
    DeviceChange change{DeviceChange::Kind::put, &space, &device, all_parts(device).without(right)};
    if (device.leaving || (!up && device.origin)) {
      change.kind = DeviceChange::Kind::drop;
      plan.devices.push_back(change);
    } else if (up && !change.missing.empty()) {
      plan.devices.push_back(change);
    }
  }
}

void space_faults(const SpaceChange& change, const Settings& settings, std::vector<std::string>& lines) {
  const auto& space = *change.space;
  if (change.kind == SpaceChange::Kind::tear_down) {
    lines.push_back(fmt::format("space {}: {}, but something of it is left", space.name.str(),
                                space.state == State::removing ? "being removed" : "down"));
    return;
  }
  const auto w = wiring(space, settings);
  const auto say = [&](Part part) {
    if (change.missing.has(part))
      lines.push_back(fmt::format("space {}: {}", space.name.str(), fault(part, space, w)));
  };
  if (change.missing.has(Part::netns)) return say(Part::netns);  // nothing inside can be seen then
  if (change.missing.has(Part::veth)) return say(Part::veth);
  for (unsigned i = 0; i < kPartCount; ++i) say(static_cast<Part>(i));
}

}  // namespace

DeviceParts all_parts(const Device& device) {
  DeviceParts parts{DevicePart::link, DevicePart::up};
  parts.set(DevicePart::mac, device.kind != DeviceKind::ipvlan);
  parts.set(DevicePart::addresses, !device.addresses.empty() || !device.old_addresses.empty());
  parts.set(DevicePart::gateways, !device.gateways.empty() || !device.old_gateways.empty());
  parts.set(DevicePart::host_end, device.kind == DeviceKind::veth || device.shim);
  parts.set(DevicePart::client);
  return parts;
}

std::string fault(DevicePart part, const Space& space, const Device& device) {
  const auto& own = device.name.str();
  switch (part) {
    case DevicePart::link:
      return fmt::format("{} is gone or not what it should be", str(device));
    case DevicePart::mac:
      return fmt::format("{} does not have MAC {}", own, device_mac(space.number, device).str());
    case DevicePart::up:
      return fmt::format("{} is not up", own);
    case DevicePart::addresses:
      if (!device.old_addresses.empty()) return fmt::format("{} has addresses of before a change", own);
      return fmt::format("{} does not have all its addresses", own);
    case DevicePart::gateways:
      if (!device.old_gateways.empty()) return fmt::format("{} has default routes of before a change", own);
      return fmt::format("there is no default route by {}", own);
    case DevicePart::host_end:
      return fmt::format("{} is gone, down, or not where it should be",
                         host_link(space.number, device).str());
    case DevicePart::client:
      if (!device.dhcp) return fmt::format("a DHCP client, or its lease, is left of {}", own);
      return fmt::format("no DHCP client looks after {}", own);
  }
  return {};
}

Parts all_parts(const Space& space, const Settings& settings) {
  if (!space.uplink) return {Part::netns, Part::lo_up};
  Parts parts;
  for (unsigned i = 0; i < kPartCount; ++i) parts.set(static_cast<Part>(i));
  if (!has_nat_services(settings)) parts = parts.without({Part::services});
  return settings.ipv6 ? parts : parts.without(kIpv6Parts);
}

std::string fault(Part part, const Space& space, const Wiring& w) {
  const auto ip6 = w.ip6 ? w.ip6->str() : std::string();
  switch (part) {
    case Part::netns:
      return fmt::format("no namespace is pinned at /run/netns/{}", space.name.str());
    case Part::veth:
      return fmt::format("the link {} - {} is gone or not whole", w.outer.str(), w.inner.str());
    case Part::outer_mac:
      return fmt::format("{} does not have MAC {}", w.outer.str(), w.outer_mac.str());
    case Part::inner_mac:
      return fmt::format("{} does not have MAC {}", w.inner.str(), w.inner_mac.str());
    case Part::group:
      return fmt::format("{} is not in link group {}", w.outer.str(), kLinkGroup);
    case Part::mtu:
      return fmt::format("{} or {} does not have the uplink's MTU", w.outer.str(), w.inner.str());
    case Part::outer_up:
      return fmt::format("{} is not up, or uses ARP or autoconfiguration", w.outer.str());
    case Part::inner_up:
      return fmt::format("{} is not up, or uses ARP or autoconfiguration", w.inner.str());
    case Part::forwarding4:
      return fmt::format("IPv4 forwarding or route_localnet is off on {}", w.outer.str());
    case Part::forwarding6:
      return fmt::format("IPv6 forwarding is off on {}, or it takes router advertisements", w.outer.str());
    case Part::lo_up:
      return "lo is down inside";
    case Part::address4:
      return fmt::format("{} is not on {}", w.ip4.str(), w.inner.str());
    case Part::address6:
      return fmt::format("{} is not on {}", ip6, w.inner.str());
    case Part::default4:
      return "no IPv4 default route inside";
    case Part::default6:
      return "no IPv6 default route inside";
    case Part::gateway_neighbour4:
      return "the IPv4 gateway's MAC is not known inside";
    case Part::gateway_neighbour6:
      return "the IPv6 gateway's MAC is not known inside";
    case Part::route4:
      return fmt::format("the host has no route to {}", w.ip4.str());
    case Part::route6:
      return fmt::format("the host has no route to {}", ip6);
    case Part::neighbour4:
      return fmt::format("the host does not know the MAC of {}", w.ip4.str());
    case Part::neighbour6:
      return fmt::format("the host does not know the MAC of {}", ip6);
    case Part::services:
      return "127.0.0.1 does not lead to the services it should";
  }
  return {};
}

bool Plan::empty() const {
  return remove.empty() && stray_links.empty() && host.empty() && sysctls.empty() && !new_rules &&
         !remove_table && spaces.empty() && devices.empty() && add.empty();
}

std::vector<std::string> Plan::faults(const Settings& settings) const {
  std::vector<std::string> lines;
  for (const auto part : host) lines.push_back("host: " + host_text(part, settings));
  for (const auto& change : sysctls)
    lines.push_back(fmt::format("host: {} is {}, wants {}", change.key, change.from, change.to));
  if (remove_table) lines.push_back("nft: table inet warren stands, but there is no space");
  if (new_rules)
    lines.push_back(table_missing ? "nft: table inet warren is not there"
                                  : "nft: the rules of table inet warren were changed, or the settings were");
  for (const auto& link : stray_links)
    lines.push_back(fmt::format("host: link {} belongs to no space", link));
  for (const auto& change : spaces) space_faults(change, settings, lines);
  for (const auto& change : devices) device_faults(change, lines);
  for (const auto& element : remove) lines.push_back("nft: too much: " + element_text(element));
  if (!new_rules)
    for (const auto& element : add) lines.push_back("nft: missing: " + element_text(element));
  return lines;
}

Plan plan(const Desired& desired, const Observed& observed) {
  Plan plan;
  const bool serving =
      std::ranges::any_of(desired.spaces, [](const auto& s) { return s.state == State::up; });
  plan.stray_links = observed.stray_links;
  if (serving) {
    plan.host = observed.host_missing;
    plan.sysctls = observed.sysctls;
    plan.table_missing = !observed.table;
    plan.new_rules = !observed.table || !observed.rules_right;
    plan_elements(desired, observed, plan);
  } else {
    plan.remove_table = observed.table;
  }
  for (std::size_t i = 0; i < desired.spaces.size(); ++i) {
    const auto& space = desired.spaces[i];
    const auto& seen = observed.spaces[i];
    const auto next = change(space, desired.settings, seen);
    const bool gone = !seen.outer_exists && !seen.pin_exists && space.state != State::removing;
    if (space.state == State::up ? !next.missing.empty() : !gone) plan.spaces.push_back(next);
    plan_devices(space, seen, plan);
  }
  return plan;
}

}  // namespace warren::model
