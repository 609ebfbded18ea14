# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ip link`, `ip address` and `ip route` show, asked of the kernel without a process for each question."""

import ipaddress
import socket
import struct
from typing import NamedTuple

from netns import HOST, in_ns

RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 18, 22, 26
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_OPERSTATE, IFLA_GROUP, IFLA_PROP_LIST, IFLA_ALT_IFNAME = 1, 3, 4, 16, 27, 52, 53
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DST, RTA_OIF, RTA_TABLE, RTA_CACHEINFO = 1, 4, 15, 12
RT_TABLE_MAIN, RTM_F_CLONED = 254, 0x200
OPERSTATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")


class Link(NamedTuple):
    index: int
    ifname: str
    mtu: int
    group: int
    address: str
    operstate: str
    altnames: tuple


def attributes(data):
    """(type, value) of each attribute in the bytes."""
    while len(data) >= 4:
        size, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:size]
        data = data[(size + 3) & ~3:]


def dump(ns, kind, body):
    """The messages, each as bytes after its header, of what the kernel of `ns` lists."""
    found = []
    with in_ns(ns, socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.send(struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
        while True:
            data = sock.recv(1 << 20)
            while data:
                size, what = struct.unpack_from("IH", data)
                if what == NLMSG_DONE:
                    return found
                if what == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("i", data, 16)[0], "netlink")
                found.append(data[16:size])
                data = data[(size + 3) & ~3:]


def links(ns=HOST):
    found = []
    for message in dump(ns, RTM_GETLINK, struct.pack("BxHiII", 0, 0, 0, 0, 0)):
        index, = struct.unpack_from("i", message, 4)
        values = dict(attributes(message[16:]))
        alternatives = tuple(value.rstrip(b"\0").decode() for kind, value in attributes(values.get(IFLA_PROP_LIST, b""))
                             if kind == IFLA_ALT_IFNAME)
        mtu, group = (struct.unpack("I", values[key])[0] for key in (IFLA_MTU, IFLA_GROUP))
        found.append(Link(index, values[IFLA_IFNAME].rstrip(b"\0").decode(), mtu, group,
                          values.get(IFLA_ADDRESS, b"").hex(":"), OPERSTATES[values[IFLA_OPERSTATE][0]], alternatives))
    return found


def addresses(index, ns=HOST):
    """Of the link: as text with the length of the prefix."""
    found = []
    for message in dump(ns, RTM_GETADDR, struct.pack("BBBBi", 0, 0, 0, 0, 0)):
        _, length, _, _, of = struct.unpack_from("BBBBi", message)
        values = dict(attributes(message[8:]))
        if of == index:
            found.append(f"{ipaddress.ip_address(values.get(IFA_LOCAL, values.get(IFA_ADDRESS)))}/{length}")
    return found


def routes(ns=HOST):
    """Those of the main table, both families, as text: where to, by which link, and all else as the kernel's numbers."""
    names = {link.index: link.ifname for link in links(ns)}
    found = []
    for family, anywhere in (socket.AF_INET, bytes(4)), (socket.AF_INET6, bytes(16)):
        for message in dump(ns, RTM_GETROUTE, struct.pack("8BI", family, 0, 0, 0, 0, 0, 0, 0, 0)):
            _, length, _, tos, table, protocol, scope, kind, flags = struct.unpack_from("8BI", message)
            values = dict(attributes(message[12:]))
            if struct.unpack("I", values.pop(RTA_TABLE, struct.pack("I", table)))[0] != RT_TABLE_MAIN or flags & RTM_F_CLONED:
                continue
            values.pop(RTA_CACHEINFO, None)  # how old it is
            to = ipaddress.ip_address(values.pop(RTA_DST, anywhere))
            link = names.get(struct.unpack("i", values.pop(RTA_OIF, bytes(4)))[0])
            rest = " ".join(f"{key}={value.hex()}" for key, value in sorted(values.items()))
            found.append(f"{to}/{length} dev {link} tos {tos} proto {protocol} scope {scope} type {kind} flags {flags} {rest}")
    return found
