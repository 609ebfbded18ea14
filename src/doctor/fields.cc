// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/fields.h"

#include <algorithm>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/rtnetlink.h>

namespace warren::doctor {
namespace {

constexpr std::uint64_t kEstablished = 2;  // bits of `ct state`
constexpr std::uint64_t kNew = 8;
constexpr std::uint64_t kTcpSyn = 2;

Reading of(Field field) { return {false, {std::move(field)}}; }
Reading of_number(std::uint64_t number) { return of(number); }
Reading unknown() { return of(std::monostate{}); }
Reading absent() { return {true, {}}; }

Reading group(const std::string& interface, std::uint32_t number) {
  return interface.empty() ? absent() : of_number(number);
}

Reading read_meta(const Json& meta, const Packet& packet) {
  const auto* key = text_of(member(meta, "key"));
  if (!key) return unknown();
  const bool v4 = packet.family == Family::v4;
  if (*key == "iifname" || *key == "iif") return of(packet.iif);
  if (*key == "oifname" || *key == "oif") return of(packet.oif);
  if (*key == "iifgroup") return group(packet.iif, packet.iif_group);
  if (*key == "oifgroup") return group(packet.oif, packet.oif_group);
  if (*key == "nfproto") return of_number(v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  if (*key == "l4proto") return of_number(packet.protocol);
  return unknown();
}

Reading read_ip(const std::string& field, const Packet& packet) {
  if (field == "saddr") return of(packet.src);
  if (field == "daddr") return of(packet.dst);
  if (field == "protocol" || field == "nexthdr") return of_number(packet.protocol);
  if (field == "frag-off") return of_number(0);
  return unknown();
}

Reading read_transport(const std::string& field, const Packet& packet) {
  const auto port = [](Port number) { return number == 0 ? unknown() : of_number(number); };
  if (field == "sport") return port(packet.sport);
  if (field == "dport") return port(packet.dport);
  if (field == "flags" && !packet.reply) return of_number(kTcpSyn);
  return unknown();
}

Reading read_echo(const std::string& field, const Packet& packet) {
  if (field == "code") return of_number(0);
  if (field != "type") return unknown();
  if (packet.protocol == kIcmp4) return of_number(packet.reply ? 0 : 8);
  return of_number(packet.reply ? 129 : 128);
}

Reading read_payload(const Json& payload, const Packet& packet) {
  const auto* protocol = text_of(member(payload, "protocol"));
  const auto* field = text_of(member(payload, "field"));
  if (!protocol || !field) return unknown();
  const auto only = [&](bool is, auto read) { return is ? read(*field, packet) : absent(); };
  const bool tcp = packet.protocol == static_cast<std::uint8_t>(Proto::tcp);
  const bool udp = packet.protocol == static_cast<std::uint8_t>(Proto::udp);
  if (*protocol == "ip") return only(packet.family == Family::v4, read_ip);
  if (*protocol == "ip6") return only(packet.family == Family::v6, read_ip);
  if (*protocol == "tcp") return only(tcp, read_transport);
  if (*protocol == "udp") return only(udp, read_transport);
  if (*protocol == "th") return tcp || udp ? read_transport(*field, packet) : unknown();
  if (*protocol == "icmp") return only(packet.protocol == kIcmp4, read_echo);
  if (*protocol == "icmpv6") return only(packet.protocol == kIcmp6, read_echo);
  if (*protocol == "sctp" || *protocol == "dccp" || *protocol == "udplite" || *protocol == "esp")
    return absent();
  return unknown();
}

Bits status(const Packet& packet) {
  Bits bits{0, IPS_EXPECTED | IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_DST_NAT};
  if (packet.dnat) bits.value |= IPS_DST_NAT;
  if (packet.reply) bits.value |= IPS_SEEN_REPLY | IPS_CONFIRMED;
  return bits;
}

/// The states of iptables' conntrack match, which has SNAT and DNAT among them.
Bits xtables_state(const Packet& packet) {
  Bits bits{packet.reply ? kEstablished : kNew, ~std::uint64_t{XT_CONNTRACK_STATE_SNAT}};
  if (packet.dnat) bits.value |= XT_CONNTRACK_STATE_DNAT;
  return bits;
}

Reading read_ct(const Json& ct, const Packet& packet) {
  const auto* key = text_of(member(ct, "key"));
  if (!key) return unknown();
  if (*key == "state") return of(Bits{packet.reply ? kEstablished : kNew});
  if (*key == "status") return of(status(packet));
  if (*key == "xtables-state") return of(xtables_state(packet));
  if (*key == "direction") return of_number(packet.reply ? 1 : 0);
  return unknown();
}

bool lists(const Json* list, const char* what) {
  const auto is = [&](const Json& one) { return one.text() && *one.text() == what; };
  if (!list) return false;
  return list->is_array() ? std::any_of(list->items().begin(), list->items().end(), is) : is(*list);
}

/// Our packets come from where their source is routed to, so a reverse path check never fails for them.
Reading read_fib(const Json& fib, const View& view) {
  const auto* result = text_of(member(fib, "result"));
  const auto* flags = member(fib, "flags");
  if (!result) return unknown();
  if (*result == "oif" || *result == "check") {
    if (lists(flags, "saddr") && lists(flags, "iif")) return of_number(1);
    return unknown();
  }
  if (*result != "type" || view.hook == Hook::prerouting) return unknown();
  if (lists(flags, "daddr")) return of_number(view.hook == Hook::input ? RTN_LOCAL : RTN_UNICAST);
  return of_number(view.hook == Hook::output ? RTN_LOCAL : RTN_UNICAST);
}

Reading read_masked(const Json& operands, const View& view) {
  if (operands.items().size() != 2) return unknown();
  const auto& left = operands.items()[0];
  const auto& right = operands.items()[1];
  auto mask = number_of(&right);
  if (!mask && right.is_array()) {
    mask = 0;
    for (const auto& bit : right.items()) {
      if (!number_of(&bit)) return unknown();
      *mask |= *number_of(&bit);
    }
  }
  if (member(left, "&") || member(left, "concat")) return unknown();  // bounds the recursion
  const auto reading = read_expression(left, view);
  if (reading.absent || !mask || reading.fields.size() != 1) return reading.absent ? absent() : unknown();
  if (const auto* number = std::get_if<std::uint64_t>(&reading.fields[0])) return of_number(*number & *mask);
  return unknown();
}

Reading read_concatenation(const Json& parts, const View& view) {
  Reading all;
  if (!parts.is_array()) return unknown();
  for (const auto& part : parts.items()) {
    if (member(part, "concat")) return unknown();
    const auto reading = read_expression(part, view);
    if (reading.absent) return absent();
    all.fields.push_back(reading.fields.size() == 1 ? reading.fields[0] : Field{});
  }
  return all;
}

}  // namespace

Reading read_expression(const Json& expression, const View& view) {
  if (const auto* meta = member(expression, "meta")) return read_meta(*meta, view.packet);
  if (const auto* payload = member(expression, "payload")) return read_payload(*payload, view.packet);
  if (const auto* ct = member(expression, "ct")) return read_ct(*ct, view.packet);
  if (const auto* fib = member(expression, "fib")) return read_fib(*fib, view);
  if (const auto* header =
          member(expression, "exthdr"))  // there is none: `exists` reads 0, a field of it nothing
    return member(*header, "field") ? absent() : of_number(0);
  if (const auto* masked = member(expression, "&")) return read_masked(*masked, view);
  if (const auto* parts = member(expression, "concat")) return read_concatenation(*parts, view);
  return unknown();
}

}  // namespace warren::doctor
