#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who reaches what, proven by packets: every cell of the table is tried, and a tenant is root in his namespace."""

import contextlib
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh
from kernel import hide_force_forwarding

GATEWAY4 = "100.64.0.1"
PUBLIC = wh.UPLINK4, wh.UPLINK6
BOTH = "tcp", "udp"


class Stage(wh.HostTest):
    """Spaces a and b with a published (8080 at 6000 and 6001) and an unpublished (9090) server, one of the host (7000),
    one on the host's loopback (7001), one outside (7100); each for TCP, UDP, v4 and v6."""

    settings = {}

    def setUp(self):
        self.servers = contextlib.ExitStack()
        self.addCleanup(self.servers.close)
        if self.settings:
            wh.configure(**self.settings)
        self.a = self.add("a", 6000)
        self.b = self.add("b", 6001)
        self.ula = ":".join(self.a["ipv6"].split(":")[:3])  # a /48
        self.gateway = GATEWAY4, self.ula + ":1::1"
        self.seen = {}
        for ns, port in ("a", 8080), ("a", 9090), ("b", 8080), ("b", 9090), (wh.HOST, 7000), (wh.OUTSIDE, 7100):
            self.serve(ns, port)
        self.serve(wh.HOST, 7001, addresses=("127.0.0.1", "::1"), name="loopback")

    def add(self, name, port):
        wh.warren("add", name, "-p", f"{port}:8080/both")
        return wh.warren("show", name, json=True)

    def serve(self, ns, port, **options):
        for proto in BOTH:
            self.seen[ns, port, proto] = self.servers.enter_context(wh.serve(ns, port, proto, **options))

    def assert_cells(self, *cells):
        """Each cell: (from, (v4, v6), port, who answers or None); tried with TCP and UDP, all at once."""
        attempts = [((ns, address, port, proto), answer)
                    for ns, addresses, port, answer in cells for address in addresses for proto in BOTH]
        replies = wh.connect_cells(*attempts)
        for (attempt, answer), reply in zip(attempts, replies):
            with self.subTest(attempt=attempt):
                self.assertEqual(reply and reply.server, answer)

    def addresses(self, space):
        return space["ipv4"], space["ipv6"]

    def peers_of(self, *key):
        return [address for proto in BOTH for address, _ in self.seen[(*key, proto)].peers]


class Table(Stage):
    def test_from_a_space(self):
        self.assert_cells(
            ("a", PUBLIC, 6000, "a"),
            ("a", self.gateway, 6000, "a"),
            ("a", self.addresses(self.a), 9090, "a"),
            ("a", PUBLIC, 6001, "b"),
            ("a", self.gateway, 6001, "b"),
            ("a", PUBLIC, 9090, None),
            ("a", self.addresses(self.b), 8080, None),
            ("a", self.addresses(self.b), 9090, None),
            ("a", self.addresses(self.b), 6001, None),
            ("a", PUBLIC, 7000, None),
            ("a", self.gateway, 7000, None),
            ("a", ("127.0.0.1", "::1"), 7000, None),
            ("a", ("127.0.0.1", "::1"), 7001, None),
            ("a", (wh.WORLD4, wh.WORLD6), 7100, "outside"))
        self.assertEqual(self.peers_of(wh.HOST, 7000), [])

    def test_from_the_host(self):
        self.assert_cells(
            (wh.HOST, PUBLIC, 6000, "a"),
            (wh.HOST, PUBLIC, 6001, "b"),
            (wh.HOST, ["127.0.0.1"], 6001, "b"),
            (wh.HOST, PUBLIC, 9090, None),
            (wh.HOST, self.addresses(self.a), 9090, "a"),  # the host is the operator's: it reaches its spaces
            (wh.HOST, self.addresses(self.b), 8080, "b"),
            (wh.HOST, PUBLIC, 7000, "host"),
            (wh.HOST, ("127.0.0.1", "::1"), 7001, "loopback"))

    def test_from_outside(self):
        self.route_pools_through_the_host()
        self.assert_cells(
            (wh.OUTSIDE, PUBLIC, 6000, "a"),
            (wh.OUTSIDE, PUBLIC, 6001, "b"),
            (wh.OUTSIDE, PUBLIC, 9090, None),
            (wh.OUTSIDE, self.addresses(self.a), 8080, None),
            (wh.OUTSIDE, self.addresses(self.a), 9090, None),
            (wh.OUTSIDE, self.addresses(self.a), 6000, None),
            (wh.OUTSIDE, self.gateway, 7000, None),
            (wh.OUTSIDE, self.gateway, 6000, None),
            (wh.OUTSIDE, PUBLIC, 7000, "host"),
            (wh.OUTSIDE, PUBLIC, 7001, None))
        self.assertFalse(any(wh.ping(wh.OUTSIDE, address, timeout=wh.SILENCE) for address in self.addresses(self.a)))

    def test_icmp(self):
        for address in (*PUBLIC, *self.gateway, wh.WORLD4, wh.WORLD6):
            self.assertTrue(wh.ping("a", address), address)
        for address in (*self.addresses(self.a), *self.addresses(self.b)):
            self.assertTrue(wh.ping(wh.HOST, address), address)
        for address in self.addresses(self.b):
            self.assertFalse(wh.ping("a", address, timeout=wh.SILENCE), address)

    def test_the_host_forwards_nothing_for_others(self):
        """What is neither from nor to a space is not forwarded because of us."""
        packets = udp_pairs([wh.OUTSIDE4, wh.OUTSIDE6], [(wh.WORLD4, 7200), (wh.WORLD6, 7200)])
        with wh.Sniffer(wh.OUTSIDE, "eth0") as sniffer:
            wh.send_packets(wh.OUTSIDE, "eth0", packets)
            self.assertTrue(sniffer.silent(dport=7200))

    def test_broadcast_and_multicast_of_a_space(self):
        everybody = "255.255.255.255", "203.0.113.255", "224.0.0.1", "ff02::1", "ff05::1"
        with wh.Sniffer("b", "veth_b") as in_b, wh.Sniffer(wh.OUTSIDE, "eth0") as outside:
            wh.send_packets("a", "veth_a", udp_pairs(self.addresses(self.a), [(to, 7000) for to in everybody]))
            self.assertTrue(in_b.silent(dport=7000) and outside.silent(dport=7000, timeout=0))
        self.assertEqual(self.peers_of(wh.HOST, 7000), [])

    def test_refusals_are_counted(self):
        self.assert_cells(("a", PUBLIC, 7000, None), ("a", self.addresses(self.b), 9090, None))
        self.assertGreater(wh.warren("show", "a", json=True)["refused"]["denied_host"], 0)
        self.assertGreater(wh.warren("show", "b", json=True)["refused"]["unpublished"], 0)
        self.assertEqual(wh.warren("show", "a", json=True)["refused"]["spoofed"], 0)

    def route_pools_through_the_host(self):
        for pool, via in (("100.64.0.0/16", wh.UPLINK4), (self.ula + "::/48", wh.UPLINK6)):
            route_outside(self, pool, via)


class TableOnAnOlderKernel(Table):
    """The same where IPv6 forwarding is one switch for the whole host."""

    def setUp(self):
        hide_force_forwarding(self)
        super().setUp()


def route_outside(test, pool, via):
    wh.run("ip", "route", "add", pool, "via", via, ns=wh.OUTSIDE)
    test.addCleanup(wh.run, "ip", "route", "del", pool, "via", via, ns=wh.OUTSIDE)


def udp_pairs(sources, targets):
    """A UDP packet from each source to each (address, port) of the same family."""
    return [wh.udp_packet(src, dst, port) for src in sources for dst, port in targets if wh.is6(src) == wh.is6(dst)]


class Spoofing(Stage):
    settings = {"host_services": ["udp:7000"]}  # so the host is shut by the check of sources alone

    def setUp(self):
        super().setUp()
        self.targets = [(address, port) for addresses, port in
                        ((PUBLIC, 7000), (self.gateway, 7000), (PUBLIC, 6001), ((wh.WORLD4, wh.WORLD6), 7100),
                         (self.addresses(self.b), 8080)) for address in addresses]

    def forged(self):
        return [self.b["ipv4"], *self.gateway, "100.64.9.9", *PUBLIC, wh.OUTSIDE4, wh.WORLD4, "192.0.2.1", "127.0.0.1",
                "0.0.0.0", "255.255.255.255", "224.0.0.1", self.b["ipv6"], self.ula + ":9::2", wh.OUTSIDE6, wh.WORLD6,
                "2001:db8:bad::1", "::1", "::", "fe80::1", "fe80::2", "ff02::1", "::ffff:127.0.0.1"]

    def peers(self):
        servers = (wh.HOST, 7000), ("b", 8080), ("b", 9090), (wh.OUTSIDE, 7100)
        return [peer for key in servers for peer in self.peers_of(*key)]

    def arrivals(self, send, wanted=0):
        """The peers that the servers saw, and whether b or outside saw a marked packet, after send(): as many as are
        wanted have all the time that they need, and what comes then has that of a silence."""
        with wh.Sniffer("b", "veth_b") as in_b, wh.Sniffer(wh.OUTSIDE, "eth0") as outside:
            send()
            wh.wait_until(lambda: len(self.peers()) >= wanted)
            found = [sniffer.wait(lambda p: p.payload.startswith(b"spoofed"), None if wanted else timeout)
                     for sniffer, timeout in ((in_b, wh.SILENCE), (outside, 0))]
            if wanted:
                wh.stays(lambda: len(self.peers()) <= wanted)
        return self.peers(), [packet for packet in found if packet]

    def test_own_source_passes(self):
        """The control: the very same packets with a true source do arrive."""
        packets = udp_pairs(self.addresses(self.a), self.targets)
        peers, sniffed = self.arrivals(lambda: wh.send_packets("a", "veth_a", packets), wanted=8)
        self.assertEqual(len(peers), 8)  # all but the two to b directly
        self.assertEqual(len(sniffed), 2)

    def test_forged_sources_arrive_nowhere(self):
        packets = udp_pairs(self.forged(), self.targets)
        with wh.Sniffer(wh.HOST, "veth_a_o") as host_end:
            result = self.arrivals(lambda: wh.send_packets("a", "veth_a", packets))
            self.assertTrue(host_end.saw(src=wh.OUTSIDE4, dport=7000), "nothing was sent")
        self.assertEqual(result, ([], []))
        self.assertGreaterEqual(wh.warren("show", "a", json=True)["refused"]["spoofed"], len(packets) // 2)

    def test_forged_behind_a_vlan_tag(self):
        mac, gateway = wh.mac_of("a", "veth_a"), wh.neighbour_mac("a", "veth_a")
        frames = [wh.frame(packet, gateway, mac) for packet in udp_pairs(self.addresses(self.b), self.targets)]

        def send():
            with wh.packet_socket("a", "veth_a", 0) as sock:
                for tag in 0, 5:
                    for data in frames:
                        sock.send(data[:12] + struct.pack("!HH", 0x8100, tag) + data[12:])
        self.assertEqual(self.arrivals(send), ([], []))

    def test_forged_mac_changes_nothing(self):
        packet = wh.udp_packet(self.b["ipv4"], wh.WORLD4, 7100)
        frame = wh.frame(packet, wh.neighbour_mac("a", "veth_a"), wh.mac_of("b", "veth_b"))
        self.assertEqual(self.arrivals(lambda: wh.send_frame("a", "veth_a", frame)), ([], []))

    def test_address_taken_by_configuration(self):
        """The same with the kernel's own means: a gives itself b's addresses."""
        for address in (f"{self.b['ipv4']}/32", f"{self.b['ipv6']}/128"):
            wh.run("ip", "address", "add", address, "dev", "veth_a", *(["nodad"] if ":" in address else []), ns="a")
        replies = [wh.connect("a", address, 7100, "udp", wh.SILENCE, src) for address, src in
                   ((wh.WORLD4, self.b["ipv4"]), (wh.WORLD6, self.b["ipv6"]))]
        self.assertEqual(replies, [None, None])
        self.assertEqual(self.peers_of(wh.OUTSIDE, 7100), [])

    def test_loopback_of_the_host(self):
        own = udp_pairs([self.a["ipv4"], "127.0.0.1"], [("127.0.0.1", port) for port in (7000, 7001, 6001)])
        own += udp_pairs([self.a["ipv6"], "::1"], [("::1", port) for port in (7000, 7001, 6001)])
        self.assertEqual(self.arrivals(lambda: wh.send_packets("a", "veth_a", own)), ([], []))
        self.assertEqual(self.peers_of(wh.HOST, 7001), [])

    def test_loopback_of_the_host_from_outside(self):
        packets = udp_pairs([wh.OUTSIDE4, "127.0.0.1"], [("127.0.0.1", port) for port in (7000, 7001, 6001)])
        packets += udp_pairs([wh.OUTSIDE6, "::1"], [("::1", port) for port in (7000, 7001, 6001)])
        self.assertEqual(self.arrivals(lambda: wh.send_packets(wh.OUTSIDE, "eth0", packets)), ([], []))
        self.assertEqual(self.peers_of(wh.HOST, 7001), [])

    def test_pool_sources_from_outside(self):
        pool = [*self.addresses(self.a), *self.addresses(self.b), *self.gateway, "100.64.9.9"]
        packets = udp_pairs(pool, self.targets + [(wh.UPLINK4, 6000), (wh.UPLINK6, 6000)])
        self.assertEqual(self.arrivals(lambda: wh.send_packets(wh.OUTSIDE, "eth0", packets)), ([], []))
        self.assertEqual(self.peers_of("a", 8080), [])


class ForgedErrors(Stage):
    """An ICMP error about another's connection is related to it, and must not pass in the name of that."""

    def test_errors_about_others_connections(self):
        for family in 4, 6:
            with self.subTest(family=family), wh.Sniffer(wh.OUTSIDE, "eth0") as outside:
                self.forge(family)
                self.assertTrue(outside.silent(is_error), "a's error reached the client of b")

    def test_errors_about_own_connections_pass(self):
        wh.warren("port", "add", "a", "6100:6100/udp")  # nothing listens there
        for address in PUBLIC:
            with self.subTest(address=address), wh.connection(wh.OUTSIDE, address, 6100, "udp") as sock:
                sock.send(b"x")
                with self.assertRaises(ConnectionRefusedError):
                    sock.recv(1)

    def forge(self, family):
        """From a: "unreachable" about what a client outside sent to b."""
        address = PUBLIC[family == 6]
        own, victim = (self.addresses(space)[family == 6] for space in (self.a, self.b))
        with wh.connection(wh.OUTSIDE, address, 6001, "udp") as sock:
            sock.send(b"?")
            self.assertEqual(wh.read_reply(sock).server, "b")
            client, port = sock.getsockname()[:2]
            inner = wh.udp_packet(client, victim, 8080, sport=port)
            wh.send_packet("a", "veth_a", wh.unreachable_packet(own, client, inner))


def is_error(packet):
    return (packet.proto, packet.payload[:1]) in ((1, b"\x03"), (58, b"\x01"))


class Untranslated(Stage):
    """What NAT does not take, because it belongs to no connection, does not leave with the space's own address."""

    def test_packets_of_no_connection(self):
        packets = [packet for src, dst in zip(self.addresses(self.a), (wh.WORLD4, wh.WORLD6))
                   for packet in (*(wh.tcp_packet(src, dst, 7100, flags=flags) for flags in (0, 3, 4, 0x29)),
                                  wh.unreachable_packet(src, dst, wh.udp_packet(dst, src, 9, 9)))]
        packets.append(wh.ndp_frame(wh.mac_of("a", "veth_a"), self.a["ipv6"], wh.WORLD6, dst=wh.WORLD6)[14:])
        with wh.Sniffer(wh.OUTSIDE, "eth0") as outside:
            wh.send_packets("a", "veth_a", packets)
            self.assertTrue(outside.silent(lambda p: p.src in self.addresses(self.a)))


class Neighbours(Stage):
    """ARP and NDP have no say on our links: nobody answers, and nobody believes."""

    def setUp(self):
        super().setUp()
        self.mac = wh.mac_of("a", "veth_a")

    def host_state(self):
        """Addresses, routes and known neighbours of the host; not their age."""
        lines = wh.run("ip", "-o", "address").stdout + wh.run("ip", "route").stdout + wh.run("ip", "-6", "route").stdout
        table = [line.split() for line in wh.run("ip", "neigh").stdout.splitlines()]
        known = sorted(" ".join(words[:5]) for words in table if "lladdr" in words and "uplink" not in words)
        return [line.split(" expires")[0] for line in lines.splitlines()] + known

    def assert_ignored(self, *frames):
        """Sent from a, the frames get to the host, are not answered, reach nobody, and change nothing."""
        before = self.host_state()
        with wh.Sniffer("a", "veth_a") as own, wh.Sniffer("b", "veth_b") as in_b, \
                wh.Sniffer(wh.OUTSIDE, "eth0") as outside, wh.Sniffer(wh.HOST, "veth_a_o") as host_end:
            for data in frames:
                wh.send_frame("a", "veth_a", data)
            self.assertTrue(host_end.saw(src_mac=self.mac), "nothing was sent")
            self.assertTrue(own.silent(), "somebody answered")
            for sniffer in in_b, outside:
                self.assertTrue(sniffer.silent(lambda p: p.src_mac == self.mac or self.mac_inside(p), timeout=0))
        self.assertEqual(self.host_state(), before)

    def mac_inside(self, packet):
        return wh.mac_bytes(self.mac) in packet.payload

    def test_arp_requests(self):
        targets = self.b["ipv4"], GATEWAY4, wh.UPLINK4, wh.OUTSIDE4, self.a["ipv4"]
        self.assert_ignored(*(wh.arp_frame(self.mac, self.a["ipv4"], target) for target in targets))

    def test_arp_claims(self):
        claimed = self.b["ipv4"], GATEWAY4, wh.UPLINK4, wh.OUTSIDE4, self.a["ipv4"]
        host_end = wh.neighbour_mac("a", "veth_a")
        self.assert_ignored(*(wh.arp_frame(self.mac, src, GATEWAY4, reply=True, dst_mac=mac)
                              for src in claimed for mac in (host_end, wh.BROADCAST)))

    def test_neighbour_solicitations(self):
        targets = self.b["ipv6"], self.gateway[1], "fe80::1", wh.UPLINK6, wh.OUTSIDE6
        self.assert_ignored(*(wh.ndp_frame(self.mac, src, target) for target in targets
                              for src in (self.a["ipv6"], "fe80::2")))

    def test_unsolicited_advertisements(self):
        claimed = self.b["ipv6"], self.gateway[1], "fe80::1", wh.UPLINK6, wh.OUTSIDE6
        self.assert_ignored(*(wh.ndp_frame(self.mac, src, target, reply=True) for target in claimed
                              for src in (self.a["ipv6"], target)))

    def test_router_advertisements(self):
        self.assert_ignored(*(wh.ra_frame(self.mac, src, "2001:db8:bad::") for src in ("fe80::2", self.a["ipv6"])))

    def test_redirects(self):
        """That the way to b, or outside, leads through a."""
        host_end = wh.neighbour_mac("a", "veth_a")
        self.assert_ignored(*(wh.redirect_frame(self.mac, src, self.gateway[1], target, "fe80::2", host_end)
                              for target in (self.b["ipv6"], wh.OUTSIDE6) for src in ("fe80::2", self.a["ipv6"])))


class HostServices(Stage):
    settings = {"host_services": ["tcp:7000"]}

    def test_what_is_configured_and_nothing_else(self):
        self.serve(wh.HOST, 7002)
        replies = wh.connect_cells(*((("a", address, port, proto), answer) for address in (*PUBLIC, *self.gateway)
                                     for port, proto, answer in ((7000, "tcp", "host"), (7000, "udp", None),
                                                                 (7002, "tcp", None))))
        self.assertEqual([reply and reply.server for reply in replies], ["host", None, None] * 4)
        own = self.addresses(self.a)
        self.assertEqual({reply.peer for reply in replies if reply}, set(own))


class HostOpen(Stage):
    settings = {"host_access": "all"}

    def test_every_service_of_the_host_and_still_no_other_space(self):
        self.assert_cells(("a", PUBLIC, 7000, "host"), ("a", self.gateway, 7000, "host"), ("a", PUBLIC, 7001, None),
                          ("a", self.addresses(self.b), 8080, None), ("a", PUBLIC, 6001, "b"))


class OutsideOnly(Stage):
    settings = {"publish": "outside-only"}

    def test_own_forward_and_the_world_but_no_others(self):
        self.assert_cells(
            ("a", PUBLIC, 6000, "a"),
            ("a", self.gateway, 6000, "a"),
            ("a", PUBLIC, 6001, None),
            ("a", self.gateway, 6001, None),
            ("a", self.addresses(self.b), 8080, None),
            ("a", (wh.WORLD4, wh.WORLD6), 7100, "outside"),
            (wh.OUTSIDE, PUBLIC, 6000, "a"),
            (wh.OUTSIDE, PUBLIC, 6001, "b"),
            (wh.HOST, PUBLIC, 6001, "b"))


if __name__ == "__main__":
    wh.main()
