# SPDX-License-Identifier: GPL-2.0-or-later
"""Building and decoding packets, v4 and v6 by the form of their addresses; warrenhost sends and catches them."""

import ipaddress
import socket
import struct
from typing import NamedTuple

BROADCAST = "ff:ff:ff:ff:ff:ff"
ETH_IP4, ETH_ARP, ETH_IP6 = 0x0800, 0x0806, 0x86DD


def is6(address):
    return ":" in address


def packed(address):
    return ipaddress.ip_address(address).packed


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(message, offset, src, dst, proto):
    """The message with the sum over it and its pseudo-header stored at `offset`."""
    pseudo = packed(src) + packed(dst) + struct.pack("!II", len(message), proto)
    return message[:offset] + struct.pack("!H", checksum(pseudo + message)) + message[offset + 2:]


def echo_request(six, ident=1):
    message = struct.pack("!BBHHH", 128 if six else 8, 0, 0, ident, 1)
    return message if six else message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def ip_packet(src, dst, proto, payload, ttl=64):
    """An IPv4 or IPv6 packet with any source."""
    if is6(dst):
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + packed(src) + packed(dst) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, ttl, proto, 0) + packed(src) + packed(dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp_packet(src, dst, dport, sport=40000, payload=b"spoofed"):
    """A whole UDP packet, v4 or v6 by its addresses."""
    message = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ip_packet(src, dst, 17, with_checksum(message, 6, src, dst, 17))


def tcp_packet(src, dst, dport, sport=40000, flags=2):
    """A whole TCP packet, by default a SYN."""
    message = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 65535, 0, 0)
    return ip_packet(src, dst, 6, with_checksum(message, 16, src, dst, 6))


def icmp_packet(src, dst, ident=1):
    """A whole echo request, v4 or v6 by its addresses."""
    message = echo_request(is6(dst), ident)
    if is6(dst):
        return ip_packet(src, dst, 58, with_checksum(message, 2, src, dst, 58))
    return ip_packet(src, dst, 1, message)


def unreachable_packet(src, dst, packet):
    """The ICMP or ICMPv6 error "port unreachable" about a packet."""
    if is6(dst):
        message = struct.pack("!BBHI", 1, 4, 0, 0) + packet
        return ip_packet(src, dst, 58, with_checksum(message, 2, src, dst, 58))
    message = struct.pack("!BBHI", 3, 3, 0, 0) + packet
    return ip_packet(src, dst, 1, message[:2] + struct.pack("!H", checksum(message)) + message[4:])


def frame(packet, dst_mac, src_mac):
    """The packet of ip_packet() and friends in an Ethernet frame."""
    ethertype = ETH_IP6 if packet[0] >> 4 == 6 else ETH_IP4
    return mac_bytes(dst_mac) + mac_bytes(src_mac) + struct.pack("!H", ethertype) + packet


def arp_frame(src_mac, src, dst, reply=False, dst_mac=BROADCAST):
    """An ARP request "who has dst", or with reply=True the claim to dst_mac that `src` is at src_mac."""
    body = struct.pack("!HHBBH", 1, ETH_IP4, 6, 4, 2 if reply else 1)
    body += mac_bytes(src_mac) + packed(src) + (mac_bytes(dst_mac) if reply else bytes(6)) + packed(dst)
    return mac_bytes(dst_mac) + mac_bytes(src_mac) + struct.pack("!H", ETH_ARP) + body


def ndp_frame(src_mac, src, target, reply=False, dst="ff02::1", dst_mac="33:33:00:00:00:01"):
    """A neighbour solicitation for `target`, or with reply=True the advertisement that target is at src_mac."""
    kind, flags = (136, 0x20000000) if reply else (135, 0)
    option = bytes([2 if reply else 1, 1]) + mac_bytes(src_mac)
    message = struct.pack("!BBHI", kind, 0, 0, flags) + packed(target) + option
    return frame(ip_packet(src, dst, 58, with_checksum(message, 2, src, dst, 58), ttl=255), dst_mac, src_mac)


def redirect_frame(src_mac, src, dst, target, via, dst_mac):
    """A redirect: what is for `target` goes by the neighbour `via` at src_mac."""
    option = bytes([2, 1]) + mac_bytes(src_mac)
    message = struct.pack("!BBHI", 137, 0, 0, 0) + packed(via) + packed(target) + option
    return frame(ip_packet(src, dst, 58, with_checksum(message, 2, src, dst, 58), ttl=255), dst_mac, src_mac)


def ra_frame(src_mac, src, prefix, lifetime=1800, dst="ff02::1", dst_mac="33:33:00:00:00:01"):
    """A router advertisement: `src` is a router for `lifetime` seconds, and `prefix`/64 is for autoconfiguration."""
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + packed(prefix)
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0) + option + bytes([1, 1]) + mac_bytes(src_mac)
    return frame(ip_packet(src, dst, 58, with_checksum(message, 2, src, dst, 58), ttl=255), dst_mac, src_mac)


class Packet(NamedTuple):
    """A captured frame, decoded as far as tests need it; src and dst are also those of ARP."""
    src_mac: str
    dst_mac: str
    ethertype: int
    outgoing: bool
    src: str = ""
    dst: str = ""
    proto: int = 0
    sport: int = 0
    dport: int = 0
    payload: bytes = b""


def mac_text(data):
    return data.hex(":")


def decode(data, outgoing):
    ethertype, = struct.unpack("!H", data[12:14])
    head = (mac_text(data[6:12]), mac_text(data[:6]), ethertype, outgoing)
    body = data[14:]
    if ethertype == ETH_ARP:
        return Packet(*head, socket.inet_ntoa(body[14:18]), socket.inet_ntoa(body[24:28]), payload=body)
    if ethertype == ETH_IP4:
        size, proto, family, addresses = (body[0] & 15) * 4, body[9], socket.AF_INET, (body[12:16], body[16:20])
    elif ethertype == ETH_IP6:
        size, proto, family, addresses = 40, body[6], socket.AF_INET6, (body[8:24], body[24:40])
    else:
        return Packet(*head, payload=body)
    src, dst = (socket.inet_ntop(family, address) for address in addresses)
    rest = body[size:]
    ports = struct.unpack("!HH", rest[:4]) if proto in (6, 17) and len(rest) >= 4 else (0, 0)
    start = {6: (rest[12] >> 4) * 4 if len(rest) > 12 else 0, 17: 8}.get(proto, 0)
    return Packet(*head, src, dst, proto, *ports, rest[start:])
