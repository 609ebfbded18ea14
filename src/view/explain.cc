// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/explain.h"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <algorithm>

#include "doctor/firewall.h"
#include "doctor/remedy.h"
#include "host/host.h"
#include "store/devices.h"
#include "store/forwards.h"
#include "store/spaces.h"
#include "sys/process.h"
#include "view/devices.h"
#include "view/look.h"
#include "view/space.h"

namespace warren::view {
namespace {

struct Heard {
  std::vector<std::string> who;  ///< "python3 server.py (PID 12) on 0.0.0.0"
  bool v4 = false;
  bool v6 = false;
  bool loopback_only = false;
};

/// Who listens on the port inside the space, and whether the forward can reach it.
Result<Heard> who_listens(const Place& place, const SpaceStatus& status, const model::Forward& forward,
                          Port port) {
  Heard heard;
  bool loopback = false;
  auto listeners = TRY(listeners_inside(place, status.space.name));
  std::erase_if(listeners, [&](const auto& listener) {
    return listener.proto != forward.proto || listener.port != port;
  });
  // To look through all processes of the host costs more than all else, so that is done for somebody only.
  const auto pids = listeners.empty() ? std::vector<pid_t>() : TRY(pids_inside(place, status.space.name));
  for (const auto& listener : listeners) {
    const auto holders = sys::holders_of(listener.inode, pids);
    const auto program = holders.empty()
                             ? std::string("a program")
                             : fmt::format("{} (PID {})", sys::command_of(holders.front()), holders.front());
    heard.who.push_back(fmt::format("{} on {}", program, listener.address.str()));
    heard.v4 = heard.v4 || listener.takes(status.wiring.ip4);
    heard.v6 = heard.v6 || (status.wiring.ip6 && listener.takes(*status.wiring.ip6));
    loopback = loopback || listener.address.is_loopback();
  }
  heard.loopback_only = loopback && !heard.v4 && !heard.v6;
  return heard;
}

std::string verdict(const Heard& heard, const model::Forward& forward, bool ipv6) {
  if (heard.who.empty())
    return fmt::format("nothing listens on {} port {} inside", name(forward.proto), forward.to);
  const auto who = fmt::format("{}", fmt::join(heard.who, ", "));
  if (heard.loopback_only)
    return who +
           " listens on 127.0.0.1 only: not reachable through the forward; let it listen on 0.0.0.0 or ::";
  if (!heard.v4 && !heard.v6)
    return who + " listens, but not on the space's address: not reachable through the forward";
  if (!heard.v4) return who + " listens: reachable over IPv6 only";
  if (!heard.v6 && ipv6) return who + " listens: reachable over IPv4 only";
  return who + " listens: reachable";
}

doctor::Packet packet_into(const SpaceStatus& status, const model::Forward& forward,
                           const std::string& uplink, const Ip& to) {
  doctor::Packet packet;
  packet.family = to.family();
  packet.iif = uplink;
  packet.oif = status.wiring.outer.str();
  packet.oif_group = model::kLinkGroup;
  packet.src = to.is_v4() ? Ip::v4(0x01010101) : Ip::v6({0x26, 0x06});
  packet.dst = to;
  packet.protocol = static_cast<std::uint8_t>(forward.proto);
  packet.dport = forward.to;
  packet.dnat = true;
  return packet;
}

void list_refused(const RefusedCounts& refused, Explanation& out) {
  const auto say_if = [&](std::uint64_t count, std::string_view what) {
    if (count != 0) out.lines.push_back(fmt::format("  refused: {} packets {}", count, what));
  };
  say_if(refused.spoofed, "from it under an address that is not its own, or for the host's loopback");
  say_if(refused.denied_host, "from it for services of the host that it may not use");
  say_if(refused.unpublished, "for it that came through no forward");
  say_if(refused.over_limit, "beyond its share of tracked connections");
}

}  // namespace

Result<bool> Explainer::has_forward(Port port) { return !TRY(store_.forwards().of_port(port)).empty(); }

Status Explainer::explain_drops(const SpaceStatus& status, const model::Forward& forward, Explanation& out,
                                Json& json) {
  const auto host = TRY(host::read_host(*TRY(kernel_.route()), settings_));
  const auto uplink = host.uplinks.empty() ? std::string() : host.uplinks.front().str();
  json["dropped_by"] = Json::array();
  std::vector<Ip> targets{status.wiring.ip4};
  if (status.wiring.ip6) targets.push_back(*status.wiring.ip6);
  for (const auto& to : targets) {
    const auto packet = packet_into(status, forward, uplink, to);
    const auto drops = TRY(
        doctor::foreign_drops(*TRY(kernel_.netfilter()), *TRY(kernel_.nft()), doctor::Hook::forward, packet));
    for (const auto& drop : drops) {
      const auto where = fmt::format("table {} {}, chain {}: {}", doctor::family_name(drop.family),
                                     drop.table, fmt::join(drop.path, " > "), drop.rule);
      out.lines.push_back(fmt::format(
          "  {} IPv{} by {}", drop.certain ? "dropped:" : "may be dropped:", to.is_v4() ? 4 : 6, where));
      for (const auto& command : doctor::remedy(drop, packet, settings_))
        out.lines.push_back("    remedy: " + command);
      json["dropped_by"].push_back({{"chain", where}, {"certain", drop.certain}});
    }
  }
  return {};
}

Status Explainer::explain_forward(const SpaceStatus& status, const ForwardStatus& forward, Explanation& out) {
  const auto& w = status.wiring;
  const auto heard = TRY(who_listens(kernel_.place(), status, forward.forward, forward.forward.to));
  const auto says = verdict(heard, forward.forward, w.ip6.has_value());
  out.lines.push_back(fmt::format("{} goes to space {} ({}{})", forward.forward.str(),
                                  status.space.name.str(), w.ip4.str(), w.ip6 ? ", " + w.ip6->str() : ""));
  out.lines.push_back("  " + says);
  out.lines.push_back(
      fmt::format("  {} connections came through it; the space received {} packets and sent {}",
                  forward.connections, status.received_packets, status.sent_packets));
  auto json = to_json(forward.forward);
  json["connections"] = forward.connections;
  json["listeners"] = heard.who;
  json["reachable4"] = heard.v4;
  json["reachable6"] = heard.v6;
  json["verdict"] = says;
  TRY(explain_drops(status, forward.forward, out, json));
  out.json["forwards"].push_back(json);
  return {};
}

Result<SpaceStatus> Explainer::explain_space(const model::Space& space, Explanation& out) {
  auto status = TRY(read_status(kernel_, settings_, {space})).front();
  out.json["space"] = space.name.str();
  out.json["state"] = status.state();
  if (status.state() == "broken")
    out.lines.push_back(fmt::format(
        "space {} is broken: `warren check` says what is missing, `warren up` mends it", space.name.str()));
  else if (status.state() != "up")
    out.lines.push_back(fmt::format("space {0} is {1}: `warren up {0}`", space.name.str(), status.state()));
  return status;
}

Status Explainer::explain_host_port(Port port, Explanation& out) {
  out.lines.push_back(fmt::format("no forward has port {}", port));
  auto socket = TRY(netlink::Socket::open(NETLINK_SOCK_DIAG));
  const auto listeners = TRY(netlink::dump_listeners(socket));
  for (const auto& listener : listeners)
    if (listener.port == port)
      out.lines.push_back(fmt::format("  on the host a program listens on {} {}:{}", name(listener.proto),
                                      listener.address.bracketed(), port));
  return {};
}

Result<Explanation> Explainer::port(Port port) {
  Explanation out;
  out.json["port"] = port;
  out.json["forwards"] = Json::array();
  const auto held = TRY(store_.forwards().of_port(port));
  if (held.empty()) TRY(explain_host_port(port, out));
  for (const auto& [name, forward] : held) {
    const auto space = TRY(store_.spaces().find(name));
    if (!space) continue;
    const auto status = TRY(explain_space(*space, out));
    for (auto one : status.forwards) {
      if (one.forward != forward) continue;
      if (!one.forward.ports.single()) one.forward.to = port;  // of a range, the port that was asked for
      TRY(explain_forward(status, one, out));
    }
    list_refused(status.refused, out);
  }
  return out;
}

/// Devices come and go with what is on the other side of the host's interfaces: it says what stands.
void Explainer::explain_devices(const model::Space& space, Explanation& out) const {
  out.json["devices"] = Json::array();
  for (const auto& seen : look_at(kernel_.place(), space)) {
    out.json["devices"].push_back(to_json(space, seen));
    out.lines.push_back("  device " + in_words(space, seen));
    if (space.state != model::State::up || seen.state() == "up") continue;
    out.lines.push_back(fmt::format("    `warren check` says what is wrong with it, `warren up {}` mends it",
                                    space.name.str()));
  }
}

/// The space with a device that is to have the address, or has it. An address that no device is to have may
/// come from a DHCP server or a router, so then all that have devices are looked at from inside.
Result<std::optional<SpaceName>> Explainer::owner_by_device(const Ip& ip) {
  for (const auto& placed : TRY(store_.devices().with_address(ip)))
    if (!placed.device.leaving) return placed.space;
  const auto is = [&](const IpPrefix& address) { return address.ip == ip; };
  for (const auto& name : TRY(store_.devices().owners())) {
    const auto space = TRY(store_.spaces().find(name));
    if (!space) continue;
    for (const auto& seen : look_at(kernel_.place(), *space))
      if (std::ranges::any_of(seen.inside.addresses, is)) return name;
  }
  return std::nullopt;
}

Result<Explanation> Explainer::address(const Ip& ip) {
  Explanation out;
  out.json["address"] = ip.str();
  auto owner = TRY(store_.spaces().owner_of(ip));
  if (owner && !TRY(find_space(store_, owner->str())).uplink) owner.reset();
  if (!owner) owner = TRY(owner_by_device(ip));
  if (owner) {
    auto inner = TRY(space(*owner));
    inner.lines.insert(inner.lines.begin(), fmt::format("{} is space {}'s", ip.str(), owner->str()));
    inner.json["address"] = ip.str();
    return inner;
  }
  out.json["space"] = nullptr;
  const bool gateway = ip == model::gateway4(settings_) || ip == model::gateway6(settings_);
  const bool pool = settings_.pool.contains(ip) || (settings_.ula && settings_.ula->contains(ip));
  out.lines.push_back(gateway ? fmt::format("{} is the host's own address towards the spaces", ip.str())
                      : pool  ? fmt::format("{} is no space's; the host has no route to it", ip.str())
                              : fmt::format("{} is none of warren's addresses", ip.str()));
  return out;
}

Result<Explanation> Explainer::process(pid_t pid) {
  const auto found = TRY(space_of(kernel_.place(), store_, pid));
  if (!found) {
    Explanation out;
    out.json = {{"pid", pid}, {"command", sys::command_of(pid)}, {"space", nullptr}};
    out.lines.push_back(fmt::format("process {} ({}) is in no space", pid, sys::command_of(pid)));
    return out;
  }
  auto out = TRY(space(found->name));
  out.json["pid"] = pid;
  out.lines.insert(out.lines.begin(), fmt::format("process {} ({}) is in space {}", pid, sys::command_of(pid),
                                                  found->name.str()));
  return out;
}

Result<Explanation> Explainer::space(const SpaceName& name) {
  const auto space = TRY(find_space(store_, name.str()));
  Explanation out;
  out.json["forwards"] = Json::array();
  const auto status = TRY(explain_space(space, out));
  explain_devices(space, out);
  if (!space.uplink)
    out.lines.push_back(
        fmt::format("space {} has no uplink: it is reached over its devices alone", name.str()));
  else if (status.forwards.empty())
    out.lines.push_back(fmt::format("space {} has no forward: nothing reaches it from outside", name.str()));
  for (const auto& forward : status.forwards) TRY(explain_forward(status, forward, out));
  list_refused(status.refused, out);
  return out;
}

}  // namespace warren::view
