// SPDX-License-Identifier: GPL-2.0-or-later
// Random desired states, the same for the same seed, and random changes of them as an operation would make
// them. What they hold is valid: no port, address or name is two spaces'.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kinds/device/ops.h"
#include "model/derive.h"
#include "model/space.h"

namespace warren::model {

/// What the states may hold.
struct Limits {
  unsigned spaces = 6;     ///< at most
  bool unfinished = true;  ///< spaces and devices that are going, and interfaces that are away from home
  std::vector<DeviceKind> devices{DeviceKind::veth, DeviceKind::macvlan, DeviceKind::ipvlan, DeviceKind::vlan,
                                  DeviceKind::physical};
  std::vector<std::string> parents{"eth0", "eth1"};  ///< of macvlan, ipvlan and vlan
};

class Generator {
 public:
  explicit Generator(std::uint32_t seed, Limits limits = {}) : random_(seed), limits_(std::move(limits)) {}

  Settings settings() {
    Settings all;
    all.ipv6 = chance(70);
    if (all.ipv6) all.ula = *Cidr::parse("fd12:3456:789a::/48");
    all.confine = chance(40);
    return all;
  }

  Desired desired() {
    Desired state;
    state.settings = settings();
    state.settings.services = services();
    for (unsigned i = below(limits_.spaces + 1); i > 0; --i) add_space(state);
    finish(state);
    return state;
  }

  /// What an operation may make of it: some spaces are as they were, some change, come or go.
  Desired changed(const Desired& before) {
    auto state = before;
    if (!limits_.unfinished) std::erase_if(state.spaces, [&](const Space&) { return chance(20); });
    for (auto& space : state.spaces)
      if (chance(60)) change(space, state);
    if (chance(40)) state.settings.services = services();
    for (unsigned i = below(3); i > 0; --i) add_space(state);
    finish(state);
    return state;
  }

  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[below(static_cast<unsigned>(all.size()))];
  }
  static IfName link(const std::string& name) { return *IfName::parse(name); }

  /// One more, of a number that is free.
  void add_space(Desired& state) {
    Space space;
    space.number = static_cast<SpaceNumber>(kFirstNumber + below(2 * limits_.spaces));
    if (std::ranges::find(state.spaces, space.number, &Space::number) != state.spaces.end()) return;
    // Some names are too long to be a part of an interface's.
    const auto* stem = space.number % 3 == 0 ? "a.space.of.a.long.name." : "s";
    space.name = *SpaceName::parse(stem + std::to_string(space.number));
    space.uplink = space.number % 4 != 3;  // made so, it stays so
    state.spaces.push_back(space);
    fill(state.spaces.back(), state);
    std::ranges::sort(state.spaces, {}, &Space::number);
  }

  void fill(Space& space, const Desired& state) {
    give_state(space);
    give_addresses(space, state);
    space.nat = chance(60);
    give_forwards(space, state);
    give_members(space, state);
    give_devices(space);
  }

  void change(Space& space, const Desired& state) {
    if (chance(30)) give_state(space);
    if (space.state == State::removing) return;
    if (chance(25)) give_addresses(space, state);
    if (chance(30)) space.nat = !space.nat;
    if (chance(40)) give_forwards(space, state);
    if (chance(30)) give_members(space, state);
    if (chance(50)) give_devices(space);
  }

  /// One that is being removed never comes back.
  void give_state(Space& space) {
    if (space.state == State::removing) return;
    const auto dice = below(10);
    space.state = dice < 7 ? State::up : State::down;
    if (dice == 9 && limits_.unfinished) space.state = State::removing;
  }

  void give_addresses(Space& space, const Desired& state) {
    space.ip4.reset(), space.ip6.reset();
    if (!space.uplink) return;
    const auto last = 1 + below(6);
    const auto ip4 = Ip::v4(0x6440c800U + last);
    const auto taken = [&](const Space& other) { return other.number != space.number && other.ip4 == ip4; };
    if (chance(40) && std::ranges::none_of(state.spaces, taken)) space.ip4 = ip4;
    if (!state.settings.ipv6 || !chance(40)) return;
    const auto ip6 = *Ip::parse("fd12:3456:789a:fff0::" + std::to_string(last));
    const auto taken6 = [&](const Space& other) { return other.number != space.number && other.ip6 == ip6; };
    if (std::ranges::none_of(state.spaces, taken6)) space.ip6 = ip6;
  }

  Forward forward(bool ipv6) {
    Forward one;
    one.proto = chance(50) ? Proto::tcp : Proto::udp;
    const auto first = static_cast<Port>(6000 + 10 * below(20));
    one.ports = {first, chance(30) ? static_cast<Port>(first + 1 + below(30)) : first};
    one.to = one.ports.single() ? static_cast<Port>(1 + below(65535)) : first;
    if (chance(40)) one.host = *Ip::parse(ipv6 && chance(50) ? "2001:db8::10" : "203.0.113.10");
    return one;
  }

  /// A port that one space gives up, another may get in the same change.
  void give_forwards(Space& space, const Desired& state) {
    if (!space.uplink) return;
    auto had = std::move(space.forwards);
    space.forwards.clear();
    for (const auto& one : had)
      if (chance(60)) space.forwards.push_back(one);
    for (auto i = below(5); i > 0; --i) {
      const auto wish = forward(state.settings.ipv6);
      const auto meets = [&](const Space& other) {
        return std::ranges::any_of(other.forwards, [&](const auto& one) { return one.collides(wish); });
      };
      if (std::ranges::none_of(state.spaces, meets) && !meets(space)) space.forwards.push_back(wish);
    }
    std::ranges::sort(space.forwards);
  }

  void give_members(Space& space, const Desired& state) {
    space.members.clear();
    for (auto i = below(3); i > 0; --i) {
      const Member one{Member::Kind::user, *UserName::parse("user" + std::to_string(below(8)))};
      const auto has = [&](const Space& other) {
        return std::ranges::find(other.members, one) != other.members.end();
      };
      if (std::ranges::none_of(state.spaces, has) && !has(space)) space.members.push_back(one);
    }
    std::ranges::sort(space.members);
  }

  /// Some stay, some change their addresses, some are others; what is to go is leaving.
  void give_devices(Space& space) {
    std::vector<Device> wanted;
    for (const auto& had : space.devices)
      if (!had.leaving && chance(60)) wanted.push_back(had);
    for (auto& one : wanted)
      if (chance(40)) give_addresses(one);
    if (!limits_.devices.empty())
      for (auto i = below(3); i > 0; --i) add_device(space, wanted);
    if (chance(60)) space.devices.clear();  // they came long ago: nothing of before is left
    device::take_wanted(wanted, space);
    if (!limits_.unfinished) std::erase_if(space.devices, [](const auto& one) { return one.leaving; });
    for (auto& one : space.devices)
      if (one.kind == DeviceKind::physical && !one.origin && limits_.unfinished && chance(60))
        one.origin = Origin{.mac = *Mac::parse("52:54:00:12:34:56"), .index = 7};
  }

  void add_device(const Space& space, std::vector<Device>& wanted) {
    Device one;
    one.kind = one_of(limits_.devices);
    if (one.kind == DeviceKind::physical)
      one.parent = link("nic" + std::to_string(space.number));
    else if (one.kind != DeviceKind::veth)
      one.parent = link(one_of(limits_.parents));
    if (one.kind == DeviceKind::vlan) one.vlan = static_cast<std::uint16_t>(space.number);
    auto all = space.devices;
    std::ranges::copy(wanted, std::back_inserter(all));
    one.index = free_index(all).value_or(kLastDevice);
    one.dhcp = limits_.unfinished && one.kind != DeviceKind::ipvlan && chance(20);
    give_addresses(one);
    one.shim = one.kind == DeviceKind::macvlan && !one.addresses.empty() && chance(50);
    const auto same_name = [&](const Device& other) { return other.name == one.name; };
    if (complete(one) && std::ranges::none_of(wanted, same_name)) wanted.push_back(one);
  }

  /// A shim needs one.
  void give_addresses(Device& device) {
    device.addresses.clear(), device.gateways.clear();
    const auto count = below(3) + (device.shim ? 1 : 0);
    for (unsigned i = 0; i < count; ++i)
      device.addresses.push_back({Ip::v4(0xc6336400U + next_address_++ % 200 + 20), 24});
    if (count > 0 && chance(30)) device.gateways.push_back(*Ip::parse("198.51.100.1"));
    std::ranges::sort(device.addresses);
  }

  std::vector<Service> services() {
    std::vector<Service> all;
    for (unsigned i = 0; i < 4; ++i)
      if (chance(40)) all.push_back(service(i));
    return all;
  }

  /// The port inside is its own, so that any two may be in one space.
  Service service(unsigned i) {
    Service one;
    one.name = *ServiceName::parse("service" + std::to_string(i));
    one.proto = chance(70) ? Proto::tcp : Proto::udp;
    one.port = static_cast<Port>(3300 + i);
    one.mode = chance(60) ? ServiceMode::nat : ServiceMode::proxy;
    one.target =
        *Target::parse(chance(50) ? "203.0.113.10:" + std::to_string(3300 + below(2)) : "192.0.2.1:53");
    one.scope.kind = static_cast<ScopeKind>(below(3));
    if (one.scope.kind != ScopeKind::all)
      for (SpaceNumber n = kFirstNumber; n < kFirstNumber + 2 * limits_.spaces; ++n)
        if (chance(40)) one.scope.spaces.push_back(*SpaceName::parse("s" + std::to_string(n)));
    std::ranges::sort(one.scope.spaces);
    return one;
  }

  /// What follows of the rest.
  void finish(Desired& state) {
    state.confined.clear();
    if (!state.settings.confine) return;
    for (const auto& space : state.spaces)
      for (const auto& member : space.members) {
        Element element;
        element.set = SetId::confined;
        element.uid = 2000U + static_cast<unsigned>(member.name.str().back() - '0');
        state.confined.push_back(element);
      }
    std::ranges::sort(state.confined);
  }

  std::mt19937 random_;
  Limits limits_;
  std::uint32_t next_address_ = 0;
};

}  // namespace warren::model
