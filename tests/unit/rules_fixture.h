// SPDX-License-Identifier: GPL-2.0-or-later
// Three kinds of table, and a bit of every element: for the golden files, and for the kernel that loads them.
#pragma once

#include <string>
#include <vector>

#include "model/derive.h"
#include "nft/table.h"

namespace warren::nft {

struct Variant {
  std::string name;
  Rules rules;
};

inline Rules plain_rules() {
  Rules rules;
  rules.group = model::kLinkGroup;
  rules.leaving_group = model::kLeavingGroup;
  rules.pool4 = *Cidr::parse("100.64.0.0/16");
  rules.pool6 = *Cidr::parse("fd12:3456:789a::/48");
  rules.gateway4 = *Ip::parse("100.64.0.1");
  rules.gateway6 = *Ip::parse("fd12:3456:789a:1::1");
  rules.conntrack_per_space = 65536;
  return rules;
}

/// The default; all that can be closed or guarded; IPv4 only with all that can be opened.
inline std::vector<Variant> variants() {
  auto strict = plain_rules();
  strict.host_services = {{Proto::tcp, 53}, {Proto::udp, 53}};
  strict.confine = true;
  strict.outside_only = true;
  strict.guarded4 = {*IfName::parse("uplink")};
  strict.guarded6 = {*IfName::parse("uplink"), *IfName::parse("eth0.5")};
  strict.guard_all6 = true;
  auto open = plain_rules();
  open.pool6.reset();
  open.gateway6.reset();
  open.host_open = true;
  open.conntrack_per_space = 0;
  return {{"plain", plain_rules()}, {"strict", strict}, {"open", open}};
}

/// The families in which a set stands.
inline std::vector<Family> families(SetId set) {
  return has_one_family(set) ? std::vector{Family::v4} : std::vector{Family::v4, Family::v6};
}

inline std::vector<Element> some_services() {
  std::vector<Element> all;
  for (const auto* link : {"veth_web2_o", "veth_web3_o"})
    for (const auto proto : {Proto::tcp, Proto::udp}) {
      Element element;
      element.set = SetId::services;
      element.interface = *IfName::parse(link);
      element.address = *Ip::parse("100.64.0.1");
      element.proto = proto;
      element.ports = {3306, 3306};
      all.push_back(element);
    }
  return all;
}

inline std::vector<Element> some_confined() {
  std::vector<Element> all;
  for (const auto uid : {1000U, 70'000U, 4'294'967'294U}) {
    Element element;
    element.set = SetId::confined;
    element.uid = uid;
    all.push_back(element);
  }
  return all;
}

/// Some of every set and family, sorted.
inline std::vector<Element> some_elements(SetId set, Family family) {
  if (set == SetId::services) return some_services();
  if (set == SetId::confined) return some_confined();
  const bool v4 = family == Family::v4;
  const auto none = v4 ? Ip() : Ip::v6({});
  std::vector<Element> all;
  for (std::uint8_t n = 2; n < 5; ++n) {
    const auto own = v4 ? Ip::v4(0x64400000U + n) : *Ip::parse("fd12:3456:789a:" + std::to_string(n) + "::2");
    const bool range = set == SetId::ranges || set == SetId::ranges_at;
    const bool at = set == SetId::forwards_at || set == SetId::ranges_at;
    const bool source = set == SetId::sources || set == SetId::no_nat;
    Element element;
    element.set = set;
    element.family = family;
    element.address = source ? own : at ? *Ip::parse(v4 ? "203.0.113.10" : "2001:db8::10") : none;
    element.to = source ? none : own;
    if (set == SetId::sources) element.interface = *IfName::parse("veth_web" + std::to_string(n) + "_o");
    if (!source) {
      const auto port = static_cast<Port>(8000 + 100 * n);
      element.proto = n == 3 ? Proto::udp : Proto::tcp;
      element.ports = {port, static_cast<Port>(range ? port + 99 : port)};
      if (!range) element.to_port = static_cast<Port>(n == 4 ? 65535 : 80);
    }
    all.push_back(element);
  }
  return all;
}

inline constexpr SetId kAllSets[] = {SetId::sources, SetId::no_nat,    SetId::forwards, SetId::forwards_at,
                                     SetId::ranges,  SetId::ranges_at, SetId::services, SetId::confined};

}  // namespace warren::nft
