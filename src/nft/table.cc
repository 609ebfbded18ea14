// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/table.h"

#include <array>
#include <fmt/format.h>
#include <iterator>
#include <map>

namespace warren::nft {
namespace {

struct SetShape {
  SetId id;
  std::string_view name;
  std::string_view key;   // {} stands for the family's address type
  std::string_view data;  // empty: a set
  bool interval;
  bool counted;  // each element counts the connections that took it
};

// Single ports stand apart from ranges: they live in a hash, whose cost does not grow with their number.
constexpr std::array kShapes{
    SetShape{SetId::sources, "sources", "ifname . {}", "", false, false},
    SetShape{SetId::no_nat, "no_nat", "{}", "", false, false},
    SetShape{SetId::forwards, "forwards", "inet_proto . inet_service", "{} . inet_service", false, true},
    SetShape{SetId::forwards_at, "forwards_at", "{} . inet_proto . inet_service", "{} . inet_service", false,
             true},
    SetShape{SetId::ranges, "ranges", "inet_proto . inet_service", "{}", true, true},
    SetShape{SetId::ranges_at, "ranges_at", "{} . inet_proto . inet_service", "{}", true, true},
    SetShape{SetId::services, "services", "ifname . ipv4_addr . inet_proto . inet_service", "", false, false},
    SetShape{SetId::confined, "confined", "uid", "", false, false},
};

using Text = fmt::memory_buffer;

template <class... Args>
void put(Text& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

void put_sets(Text& text, Family family) {
  const auto* type = family == Family::v4 ? "ipv4_addr" : "ipv6_addr";
  for (const auto& shape : kShapes) {
    if (family == Family::v6 && has_one_family(shape.id)) continue;
    put(text, "  {} {} {{ type {}", shape.data.empty() ? "set" : "map", set_name(shape.id, family),
        fmt::format(fmt::runtime(shape.key), type));
    if (!shape.data.empty()) put(text, " : {}", fmt::format(fmt::runtime(shape.data), type));
    put(text, ";{}{} }}\n", shape.interval ? " flags interval;" : "", shape.counted ? " counter;" : "");
  }
}

/// Sets that the packets themselves fill: connections per space, and who was refused what.
void put_dynamic_sets(Text& text, const Rules& rules) {
  if (rules.conntrack_per_space != 0) {
    put(text, "  set tracked4 {{ type ipv4_addr; size 131072; flags dynamic; }}\n");
    put(text, "  set tracked6 {{ type ipv6_addr; size 131072; flags dynamic; }}\n");
  }
  for (const auto* name : {"spoofed", "denied_host", "unpublished", "over_limit"})
    put(text, "  set {} {{ type ifname; size 131072; flags dynamic,timeout; timeout 1d; }}\n", name);
  put(text, "  set host_services {{ type inet_proto . inet_service;");
  if (!rules.host_services.empty()) {
    put(text, " elements = {{");
    for (const auto& service : rules.host_services) put(text, " {} . {},", name(service.proto), service.port);
    put(text, " }}");
  }
  put(text, " }}\n");
}

/// Before connection tracking: nothing forged by a space or in its name, nothing for the host's loopback, and
/// the gateway addresses are the spaces' alone.
void put_raw(Text& text, const Rules& rules) {
  put(text,
      "  chain from_space {{\n"
      "    ip daddr 127.0.0.0/8 update @spoofed {{ iifname counter }} drop\n"
      "    iifname . ip saddr @sources4 accept\n"
      "    iifname . ip6 saddr @sources6 accept\n"
      "    update @spoofed {{ iifname counter }} drop\n"
      "  }}\n"
      "  chain raw_prerouting {{\n"
      "    type filter hook prerouting priority raw; policy accept;\n"
      "    iifgroup {} goto from_space\n"
      "    iifgroup {} drop\n"
      "    iifname \"lo\" accept\n"
      "    ip daddr {} drop\n"
      "    ip saddr {} drop\n",
      rules.group, rules.leaving_group, rules.gateway4.str(), rules.pool4.str());
  if (rules.gateway6) put(text, "    ip6 daddr {} drop\n", rules.gateway6->str());
  if (rules.pool6) put(text, "    ip6 saddr {} drop\n", rules.pool6->str());
  put(text, "  }}\n");
}

void put_limits(Text& text, const Rules& rules) {
  if (rules.conntrack_per_space == 0) return;
  for (const auto* way : {"from", "to"}) {
    const bool from = std::string_view(way) == "from";
    put(text, "  chain limit_{} {{\n", way);
    for (const auto* family : {"4", "6"})
      put(text,
          "    add @tracked{0} {{ ip{1} {2} ct count over {3} }} update @over_limit {{ {4} counter }} drop\n",
          family, *family == '6' ? "6" : "", from ? "saddr" : "daddr", rules.conntrack_per_space,
          from ? "iifname" : "oifname");
    put(text, "  }}\n");
  }
}

void put_into_space(Text& text, const Rules& rules) {
  put(text, "  chain into_space {{\n");
  if (rules.outside_only) {
    // A packet back to where it came from is the space's own forward, which it may use.
    put(text,
        "    iifgroup {0} ip saddr 0.0.0.0/0 oifname . ip saddr != @sources4 update @unpublished {{ oifname "
        "counter }} drop\n"
        "    iifgroup {0} ip6 saddr ::/0 oifname . ip6 saddr != @sources6 update @unpublished {{ oifname "
        "counter }} drop\n",
        rules.group);
  }
  if (rules.conntrack_per_space != 0) put(text, "    ct status dnat jump limit_to\n");
  put(text, "    ct status dnat accept\n");
  put(text,
      "    update @unpublished {{ oifname counter }} drop\n"
      "  }}\n");
}

/// An error about a connection counts as part of it, so a space may send one about its own connections only.
void put_related(Text& text, const Rules& rules) {
  put(text,
      "  chain related {{\n"
      "    iifgroup != {} accept\n"
      "    iifname . ct original ip saddr @sources4 accept\n"
      "    iifname . ct reply ip saddr @sources4 accept\n"
      "    iifname . ct original ip6 saddr @sources6 accept\n"
      "    iifname . ct reply ip6 saddr @sources6 accept\n"
      "    update @spoofed {{ iifname counter }} drop\n"
      "  }}\n",
      rules.group);
}

void put_guards(Text& text, const Rules& rules) {
  for (const auto& interface : rules.guarded4)
    put(text, "    meta nfproto ipv4 iifname \"{}\" oifgroup != {} drop\n", interface.str(), rules.group);
  for (const auto& interface : rules.guarded6)
    put(text, "    meta nfproto ipv6 iifname \"{}\" oifgroup != {} drop\n", interface.str(), rules.group);
  if (rules.guard_all6)
    put(text, "    meta nfproto ipv6 iifgroup != {0} oifgroup != {0} drop\n", rules.group);
}

void put_forward(Text& text, const Rules& rules) {
  put(text,
      "  chain forward {{\n"
      "    type filter hook forward priority filter; policy accept;\n");
  put_guards(text, rules);
  put(text,
      "    oifgroup {1} drop\n"
      "    iifgroup != {0} oifgroup != {0} accept\n"
      "    tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu\n"
      "    ct state established accept\n"
      "    ct state related goto related\n",
      rules.group, rules.leaving_group);
  // What belongs to no connection is not translated, and would leave with the address of the space.
  put(text, "    iifgroup {} ct state invalid,untracked drop\n", rules.group);
  if (rules.conntrack_per_space != 0) put(text, "    iifgroup {} jump limit_from\n", rules.group);
  put(text, "    oifgroup {} goto into_space\n  }}\n", rules.group);
}

void put_input(Text& text, const Rules& rules) {
  put(text, "  chain host_access {{\n");
  if (rules.host_open)
    put(text, "    accept\n");
  else
    put(text,
        "    icmp type echo-request accept\n"
        "    icmpv6 type echo-request accept\n"
        "    meta l4proto . th dport @host_services accept\n"
        "    iifname . ip daddr . meta l4proto . th dport @services accept\n"
        "    update @denied_host {{ iifname counter }} drop\n");
  put(text,
      "  }}\n"
      "  chain input {{\n"
      "    type filter hook input priority filter; policy accept;\n"
      "    iifgroup != {0} accept\n"
      "    ct state established accept\n"
      "    ct state related goto related\n",
      rules.group);
  if (rules.conntrack_per_space != 0) put(text, "    jump limit_from\n");
  put(text, "    goto host_access\n  }}\n");
}

/// What a member runs outside of his space, by whatever way he got there, sends nothing; nor over lo, where
/// the host's services are.
void put_confinement(Text& text, const Rules& rules) {
  if (!rules.confine) return;
  put(text,
      "  set escaped {{ type uid; size 131072; flags dynamic,timeout; timeout 1d; }}\n"
      "  chain confine {{\n"
      "    type filter hook output priority filter; policy accept;\n"
      "    meta skuid @confined update @escaped {{ meta skuid counter }} drop\n"
      "  }}\n");
}

/// A chain a family: a lookup counts, so a packet must not be looked up in the other family's maps.
void put_dnat(Text& text) {
  for (const auto* family : {"4", "6"}) {
    const auto* ip = *family == '4' ? "ip" : "ip6";
    put(text, "  chain to_forward{} {{\n", family);
    put(text, "    dnat {0} to {0} daddr . meta l4proto . th dport map @forwards_at{1}\n", ip, family);
    put(text, "    dnat {0} to meta l4proto . th dport map @forwards{1}\n", ip, family);
    put(text, "    dnat {0} to {0} daddr . meta l4proto . th dport map @ranges_at{1}\n", ip, family);
    put(text, "    dnat {0} to meta l4proto . th dport map @ranges{1}\n  }}\n", ip, family);
  }
  put(text,
      "  chain nat_prerouting {{\n"
      "    type nat hook prerouting priority dstnat; policy accept;\n"
      "    ip daddr 127.0.0.0/8 accept\n"  // from a wire: what the host sends itself comes by nat_output
      "    fib daddr type != local accept\n"
      "    meta nfproto ipv4 goto to_forward4\n"
      "    goto to_forward6\n"
      "  }}\n"
      "  chain nat_output {{\n"
      "    type nat hook output priority -100; policy accept;\n"
      "    fib daddr type != local accept\n"
      "    meta nfproto ipv4 goto to_forward4\n"
      "    ip6 daddr ::1 accept\n"  // the kernel cannot route [::1] to another interface
      "    goto to_forward6\n"
      "  }}\n");
}

void put_snat(Text& text, const Rules& rules) {
  put(text,
      "  chain nat_postrouting {{\n"
      "    type nat hook postrouting priority srcnat; policy accept;\n"
      "    oifgroup {0} ip saddr 127.0.0.0/8 snat ip to {1}\n"
      "    oifgroup {0} oifname . ip saddr @sources4 snat ip to {1}\n",
      rules.group, rules.gateway4.str());
  if (rules.gateway6)
    put(text, "    oifgroup {} oifname . ip6 saddr @sources6 snat ip6 to {}\n", rules.group,
        rules.gateway6->str());
  put(text,
      "    iifgroup {0} oifgroup != {0} ip saddr != @no_nat4 masquerade\n"
      "    iifgroup {0} oifgroup != {0} ip6 saddr != @no_nat6 masquerade\n"
      "  }}\n",
      rules.group);
}

void put_key(Text& text, const Element& e) {
  switch (e.set) {
    case SetId::sources:
      put(text, "\"{}\" . {}", e.interface.str(), e.address.str());
      break;
    case SetId::no_nat:
      put(text, "{}", e.address.str());
      break;
    case SetId::forwards:
    case SetId::ranges:
      put(text, "{} . {}", name(e.proto), e.ports.str());
      break;
    case SetId::forwards_at:
    case SetId::ranges_at:
      put(text, "{} . {} . {}", e.address.str(), name(e.proto), e.ports.str());
      break;
    case SetId::services:
      put(text, "\"{}\" . {} . {} . {}", e.interface.str(), e.address.str(), name(e.proto), e.ports.str());
      break;
    case SetId::confined:
      put(text, "{}", e.uid);
      break;
  }
}

void put_data(Text& text, const Element& e) {
  if (e.set == SetId::forwards || e.set == SetId::forwards_at) put(text, " : {} . {}", e.to.str(), e.to_port);
  if (e.set == SetId::ranges || e.set == SetId::ranges_at) put(text, " : {}", e.to.str());
}

}  // namespace

std::string set_name(SetId set, Family family) {
  for (const auto& shape : kShapes)
    if (shape.id == set)
      return has_one_family(set) ? std::string(shape.name)
                                 : fmt::format("{}{}", shape.name, family == Family::v4 ? 4 : 6);
  return {};
}

std::string table_text(const Rules& rules) {
  Text text;
  put(text, "{}table inet {} {{\n", remove_text(), kTable);
  put_sets(text, Family::v4);
  put_sets(text, Family::v6);
  put_dynamic_sets(text, rules);
  put_raw(text, rules);
  put_limits(text, rules);
  put_into_space(text, rules);
  put_related(text, rules);
  put_forward(text, rules);
  put_input(text, rules);
  put_confinement(text, rules);
  put_dnat(text);
  put_snat(text, rules);
  put(text, "}}\n");
  return fmt::to_string(text);
}

std::string remove_text() {
  // To name it first makes the deletion succeed where it does not stand.
  return fmt::format("table inet {0} {{ }}\ndelete table inet {0}\n", kTable);
}

std::string add_text(std::span<const Element> elements) {
  std::map<std::pair<SetId, Family>, Text> by_set;
  for (const auto& element : elements) {
    auto& text = by_set[{element.set, element.family}];
    if (text.size() != 0) put(text, ", ");
    put_key(text, element);
    put_data(text, element);
  }
  std::string all;
  for (const auto& [set, text] : by_set)
    all += fmt::format("add element inet {} {} {{ {} }}\n", kTable, set_name(set.first, set.second),
                       fmt::to_string(text));
  return all;
}

}  // namespace warren::nft
