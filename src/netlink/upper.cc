// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/upper.h"

#include <sys/socket.h>

#include "netlink/rtnl.h"

namespace warren::netlink {
namespace {

using namespace rtnl;

std::string_view with_zero(const std::string& text) { return {text.c_str(), text.size() + 1}; }

ifinfomsg of_index(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return header;
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

}  // namespace

void create_upper(Batch& batch, const UpperSpec& spec) {
  auto link = batch.add<LinkScope>(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, "create the link");
  link.put(kIfName, with_zero(spec.name.str())).put(kParent, static_cast<std::uint32_t>(spec.parent));
  if (spec.netns >= 0) link.put(kNetNsFd, static_cast<std::uint32_t>(spec.netns));
  if (spec.mac) link.put(kAddress, *spec.mac);
  if (spec.group != 0) link.put(kGroup, spec.group);
  put_kind(link, spec);
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

Result<std::optional<int>> nsid_of(Socket& socket, int netns) {
  Batch batch;
  batch.add<NsidScope>(RTM_GETNSID, 0, rtgenmsg{}, "find the namespace")
      .put(kNsidFd, static_cast<std::uint32_t>(netns));
  std::optional<int> nsid;
  TRY(socket.run(batch, [&](const MessageView& message) {
    for (const auto& attr : message.attributes<rtgenmsg>())
      if (attr.type == NETNSA_NSID) nsid = attr.as<int>();
  }));
  if (nsid && *nsid < 0) nsid.reset();
  return nsid;
}

}  // namespace warren::netlink
