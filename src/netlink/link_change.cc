// SPDX-License-Identifier: GPL-2.0-or-later
// The requests that make, change, move and delete links; link.cc reads them.
#include "netlink/link.h"

#include <net/if.h>
#include <sys/socket.h>

#include "netlink/rtnl.h"

namespace warren::netlink {
namespace {

using namespace rtnl;

ifinfomsg of_index(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return header;
}

void put_family_settings(Writer<LinkScope>& writer, const LinkChange& change) {
  if (change.ipv4_conf.empty() && !change.no_autoconf) return;
  auto families = writer.nest(kAfSpec);
  if (!change.ipv4_conf.empty()) {
    auto inet = families.nest(kInet);
    auto conf = inet.nest(kInetConf);
    for (const auto& [id, value] : change.ipv4_conf) conf.put_at(id, value);
  }
  if (change.no_autoconf) families.nest(kInet6).put(kAddrGenMode, IN6_ADDR_GEN_MODE_NONE);
}

void put_kind(Writer<LinkScope>& link, const UpperSpec& spec) {
  auto info = link.nest(kLinkInfo);
  switch (spec.kind) {
    case UpperSpec::Kind::macvlan:
      info.put(kInfoKind, "macvlan");
      info.nest(kMacvlanData).put(kMacvlanMode, spec.mode);
      break;
    case UpperSpec::Kind::ipvlan:
      info.put(kInfoKind, "ipvlan");
      info.nest(kIpvlanData).put(kIpvlanMode, static_cast<std::uint16_t>(spec.mode));
      break;
    case UpperSpec::Kind::vlan:
      info.put(kInfoKind, "vlan");
      info.nest(kVlanData).put(kVlanId, spec.vlan);
      break;
  }
}

void write_change(Batch& batch, int index, std::string_view name, const LinkChange& change) {
  auto header = of_index(index);
  const auto flag = [&](const std::optional<bool>& value, unsigned bit) {
    if (!value) return;
    header.ifi_change |= bit;
    if (*value) header.ifi_flags |= bit;
  };
  flag(change.up, IFF_UP);
  flag(change.noarp, IFF_NOARP);
  auto link = batch.add<LinkScope>(RTM_NEWLINK, 0, header, "set the link");
  if (!name.empty()) link.put(kIfName, name);
  if (change.mtu) link.put(kMtu, *change.mtu);
  if (change.group) link.put(kGroup, *change.group);
  if (change.mac) link.put(kAddress, *change.mac);
  put_family_settings(link, change);
}

}  // namespace

void create_veth(Batch& batch, const VethSpec& spec) {
  auto link =
      batch.add<LinkScope>(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, "create the veth pair");
  link.put(kIfName, with_zero(spec.outer.str())).put(kAddress, spec.outer_mac);
  link.put(kMtu, spec.mtu).put(kGroup, spec.group);
  auto info = link.nest(kLinkInfo);
  info.put(kInfoKind, "veth");
  auto data = info.nest(kVethData);
  auto peer = data.nest(kVethPeer);
  peer.raw(ifinfomsg{});
  peer.put(kIfName, with_zero(spec.inner.str())).put(kAddress, spec.inner_mac).put(kMtu, spec.mtu);
  peer.put(kNetNsFd, static_cast<std::uint32_t>(spec.inner_ns));
}

void create_upper(Batch& batch, const UpperSpec& spec) {
  auto link = batch.add<LinkScope>(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, "create the link");
  link.put(kIfName, with_zero(spec.name.str())).put(kParent, static_cast<std::uint32_t>(spec.parent));
  if (spec.netns >= 0) link.put(kNetNsFd, static_cast<std::uint32_t>(spec.netns));
  if (spec.mac) link.put(kAddress, *spec.mac);
  if (spec.group != 0) link.put(kGroup, spec.group);
  put_kind(link, spec);
}

void change_link(Batch& batch, const IfName& name, const LinkChange& change) {
  write_change(batch, 0, with_zero(name.str()), change);
}

void change_link(Batch& batch, int index, const LinkChange& change) {
  write_change(batch, index, {}, change);
}

void add_altname(Batch& batch, const IfName& name, const std::string& altname) {
  auto link = batch.add<LinkScope>(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, ifinfomsg{},
                                   "name the link in full");
  link.put(kIfName, with_zero(name.str()));
  link.nest(kPropList).put(kPropAltName, with_zero(altname));
}

void add_altname(Batch& batch, int index, const std::string& altname) {
  auto link = batch.add<LinkScope>(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, of_index(index),
                                   "give the link another name");
  link.nest(kPropList).put(kPropAltName, with_zero(altname));
}

void delete_altname(Batch& batch, int index, const std::string& altname) {
  auto link = batch.add<LinkScope>(RTM_DELLINKPROP, 0, of_index(index), "take a name from the link");
  link.nest(kPropList).put(kPropAltName, with_zero(altname));
}

void delete_link(Batch& batch, const IfName& name) {
  auto link = batch.add<LinkScope>(RTM_DELLINK, 0, ifinfomsg{}, "delete the link");
  link.put(kIfName, with_zero(name.str()));
}

void delete_group(Batch& batch, std::uint32_t group) {
  auto link = batch.add<LinkScope>(RTM_DELLINK, 0, ifinfomsg{}, "delete the links of a group");
  link.put(kGroup, group);
}

void rename_link(Batch& batch, int index, const IfName& name) {
  batch.add<LinkScope>(RTM_NEWLINK, 0, of_index(index), "name the link").put(kIfName, with_zero(name.str()));
}

void move_link(Batch& batch, int index, const LinkMove& move) {
  auto link = batch.add<LinkScope>(RTM_NEWLINK, 0, of_index(index), "move the link");
  link.put(kNetNsFd, static_cast<std::uint32_t>(move.netns)).put(kIfName, with_zero(move.name.str()));
  if (move.index) link.put(kNewIndex, static_cast<std::uint32_t>(*move.index));
  if (move.group) link.put(kGroup, *move.group);
  if (move.mac) link.put(kAddress, *move.mac);
}

void set_master(Batch& batch, const IfName& name, int master) {
  auto link = batch.add<LinkScope>(RTM_NEWLINK, 0, ifinfomsg{}, "make the link a port");
  link.put(kIfName, with_zero(name.str())).put(kMaster, static_cast<std::uint32_t>(master));
}

void delete_link(Batch& batch, int index) {
  (void)batch.add<LinkScope>(RTM_DELLINK, 0, of_index(index), "delete the link");
}

}  // namespace warren::netlink
