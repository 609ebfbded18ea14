// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// The rtnetlink attributes that warren uses (rtnetlink(7)), each with its scope and payload type.
// For the .cc files of this folder.

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "netlink/batch.h"
#include "types/ip.h"

namespace warren::netlink::rtnl {

struct LinkScope;
struct LinkInfoScope;
struct VethScope;
struct MacvlanScope;
struct IpvlanScope;
struct VlanScope;
struct AfSpecScope;
struct InetScope;
struct InetConfScope;
struct Inet6Scope;
struct PropsScope;
struct AddrScope;
struct RouteScope;
struct NeighScope;
struct NsidScope;

inline constexpr Attr<LinkScope, IFLA_IFNAME, std::string_view> kIfName;
inline constexpr Attr<LinkScope, IFLA_ADDRESS, Mac> kAddress;
inline constexpr Attr<LinkScope, IFLA_MTU, std::uint32_t> kMtu;
inline constexpr Attr<LinkScope, IFLA_GROUP, std::uint32_t> kGroup;
inline constexpr Attr<LinkScope, IFLA_NET_NS_FD, std::uint32_t> kNetNsFd;
inline constexpr Attr<LinkScope, IFLA_NEW_IFINDEX, std::uint32_t> kNewIndex;
inline constexpr Attr<LinkScope, IFLA_EXT_MASK, std::uint32_t> kExtMask;
inline constexpr Attr<LinkScope, IFLA_LINKINFO, Nest<LinkInfoScope>> kLinkInfo;
inline constexpr Attr<LinkScope, IFLA_LINK, std::uint32_t> kParent;
inline constexpr Attr<LinkScope, IFLA_MASTER, std::uint32_t> kMaster;
inline constexpr Attr<LinkInfoScope, IFLA_INFO_DATA, Nest<MacvlanScope>> kMacvlanData;
inline constexpr Attr<MacvlanScope, IFLA_MACVLAN_MODE, std::uint32_t> kMacvlanMode;
inline constexpr Attr<LinkInfoScope, IFLA_INFO_DATA, Nest<IpvlanScope>> kIpvlanData;
inline constexpr Attr<IpvlanScope, IFLA_IPVLAN_MODE, std::uint16_t> kIpvlanMode;
inline constexpr Attr<LinkInfoScope, IFLA_INFO_DATA, Nest<VlanScope>> kVlanData;
inline constexpr Attr<VlanScope, IFLA_VLAN_ID, std::uint16_t> kVlanId;
inline constexpr Attr<LinkInfoScope, IFLA_INFO_KIND, std::string_view> kInfoKind;
inline constexpr Attr<LinkInfoScope, IFLA_INFO_DATA, Nest<VethScope>> kVethData;
inline constexpr Attr<VethScope, VETH_INFO_PEER, Nest<LinkScope>> kVethPeer;
inline constexpr Attr<LinkScope, IFLA_AF_SPEC, Nest<AfSpecScope>> kAfSpec;
inline constexpr Attr<AfSpecScope, AF_INET, Nest<InetScope>> kInet;
inline constexpr Attr<InetScope, IFLA_INET_CONF, Nest<InetConfScope>> kInetConf;
inline constexpr Attr<AfSpecScope, AF_INET6, Nest<Inet6Scope>> kInet6;
inline constexpr Attr<Inet6Scope, IFLA_INET6_ADDR_GEN_MODE, std::uint8_t> kAddrGenMode;
inline constexpr Attr<LinkScope, IFLA_PROP_LIST, Nest<PropsScope>> kPropList;
inline constexpr Attr<PropsScope, IFLA_ALT_IFNAME, std::string_view> kPropAltName;

inline constexpr Attr<AddrScope, IFA_LOCAL, Ip> kLocal;
inline constexpr Attr<AddrScope, IFA_ADDRESS, Ip> kPeerAddress;
inline constexpr Attr<AddrScope, IFA_BROADCAST, Ip> kBroadcast;
inline constexpr Attr<AddrScope, IFA_FLAGS, std::uint32_t> kAddrFlags;

inline constexpr Attr<RouteScope, RTA_DST, Ip> kDst;
inline constexpr Attr<RouteScope, RTA_SRC, Ip> kSrc;
inline constexpr Attr<RouteScope, RTA_GATEWAY, Ip> kGateway;
inline constexpr Attr<RouteScope, RTA_PREFSRC, Ip> kPrefSrc;
inline constexpr Attr<RouteScope, RTA_OIF, std::uint32_t> kOif;
inline constexpr Attr<RouteScope, RTA_PRIORITY, std::uint32_t> kPriority;
inline constexpr Attr<RouteScope, RTA_TABLE, std::uint32_t> kTable;

inline constexpr Attr<NeighScope, NDA_DST, Ip> kNeighDst;
inline constexpr Attr<NeighScope, NDA_LLADDR, Mac> kNeighMac;

inline constexpr Attr<NsidScope, NETNSA_FD, std::uint32_t> kNsidFd;

}  // namespace warren::netlink::rtnl
