#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that stand: which live on and which end when forwards and spaces change, and how many there may be."""

import contextlib
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh
from forwards import PUBLIC, Forwards


def tracked(*words):
    """The connection tracking entries of both families that have all the words."""
    lines = [line for family in ("ipv4", "ipv6")
             for line in wh.run("conntrack", "-L", "-f", family).stdout.splitlines()]
    return [line for line in lines if set(words) <= set(line.split())]


def ask(sock):
    """Sends a datagram over a socket of wh.connection(); the Reply, or None."""
    with contextlib.suppress(OSError):
        sock.send(b"?")
        return wh.read_reply(sock)
    return None


def in_vain(way, sock):
    """Does the way, ask() or wh.echoes(), bring nothing any more?"""
    patience = sock.gettimeout()
    sock.settimeout(wh.SILENCE)
    try:
        return not way(sock)
    finally:
        sock.settimeout(patience)


class Changes(Forwards):
    def test_live_and_without_a_cut(self):
        self.web("web1", "6000:8080")
        self.web("web2", "6001:8080")
        held = [self.open(wh.OUTSIDE, address, port) for address in PUBLIC for port in (6000, 6001)]
        for sock in held:
            wh.read_reply(sock)
        wh.warren("port", "add", "web1", "6002:8080", "8080-8090")
        places = [(wh.OUTSIDE, address, port, "tcp") for address in PUBLIC for port in (6002, 8080)]
        self.assert_reached(*((*place, "web1") for place in places))
        wh.warren("port", "rm", "web1", "6002", "8080-8090")
        self.assert_reached(*((*place, None) for place in places))
        self.assertTrue(all(wh.echoes(sock) for sock in held))

    def flows(self, port):
        """Open flows of outside through the host's port: TCP and UDP, v4 and v6."""
        flows = [self.open(wh.OUTSIDE, address, port, proto)
                 for proto in ("tcp", "udp") for address in PUBLIC]
        servers = [wh.read_reply(sock) if sock.type == socket.SOCK_STREAM else ask(sock) for sock in flows]
        self.assertEqual([reply.server for reply in servers], ["web1"] * 4)
        return flows

    def test_removed_forward_ends_its_connections(self):
        self.web("web1", "6000:8080/both", "6100:8080/both")
        gone, stay = self.flows(6000), self.flows(6100)
        self.assertEqual(len(tracked("dport=6000")), 4)
        wh.warren("port", "rm", "web1", "6000/both")
        self.assertEqual((tracked("dport=6000"), len(tracked("dport=6100"))), ([], 4))
        self.assertTrue(all(in_vain(wh.echoes, sock) for sock in gone[:2]))
        self.assertTrue(all(in_vain(ask, sock) for sock in gone[2:]))
        self.assertTrue(all(wh.echoes(sock) for sock in stay[:2]) and all(ask(sock) for sock in stay[2:]))

    def test_removed_range_ends_its_connections(self):
        self.web("web1", "8080-8089/both", "6100:8080/both")
        gone, stay = self.flows(8080), self.flows(6100)
        wh.warren("port", "rm", "web1", "8080-8089/both")
        self.assertEqual((tracked("dport=8080", "[ASSURED]"), len(tracked("dport=6100"))), ([], 4))
        self.assertTrue(all(in_vain(wh.echoes, sock) for sock in gone[:2]))
        self.assertTrue(all(in_vain(ask, sock) for sock in gone[2:]))
        self.assertTrue(all(map(wh.echoes, stay[:2])) and all(map(ask, stay[2:])))

    def test_forward_given_to_another_space(self):
        self.web("web1", "6000:8080/both")
        self.web("web2")
        flows = self.flows(6000)
        wh.warren("port", "rm", "web1", "6000/both")
        wh.warren("port", "add", "web2", "6000:8080/both")
        self.assertEqual([ask(sock).server for sock in flows[2:]], ["web2"] * 2)
        self.assertTrue(all(in_vain(wh.echoes, sock) for sock in flows[:2]))

    def test_forward_changed_by_apply(self):
        self.web("web1", "6000:8080/both")
        self.serve("web1", 9090, "udp", name="other")
        flows = self.flows(6000)
        wh.warren("apply", "-", input='[space.web1]\nports = ["6000:9090/both"]\n')
        self.assertEqual([ask(sock).server for sock in flows[2:]], ["other"] * 2)
        self.assertTrue(all(in_vain(wh.echoes, sock) for sock in flows[:2]))

    def test_udp_flow_older_than_its_forward(self):
        self.web("web1")
        flows = [self.open(wh.OUTSIDE, address, port, "udp") for address in PUBLIC for port in (6000, 6050)]
        self.assertTrue(all(in_vain(ask, sock) for sock in flows))
        self.assertEqual(len(tracked("dport=6000") + tracked("dport=6050")), 4)
        wh.warren("port", "add", "web1", "6000:8080/udp", "6050-6060/udp")
        self.serve("web1", 6050, "udp")
        self.assertEqual([reply and reply.server for reply in map(ask, flows)], ["web1"] * 4)

    def test_udp_flow_older_than_its_space(self):
        sock = self.open(wh.OUTSIDE, wh.UPLINK4, 6000, "udp")
        self.assertTrue(in_vain(ask, sock))
        self.web("web1", "6000:8080/udp")
        self.assertEqual(ask(sock).server, "web1")

    def test_removed_space_ends_its_flows(self):
        space = self.web("web1", "6000:8080/both")
        other = self.web("web2", "6100:8080/both")
        flows = self.flows(6000)
        self.serve(wh.OUTSIDE, 7100, "udp")
        for name in "web1", "web2":
            self.assertIsNotNone(wh.connect(name, wh.WORLD4, 7100, "udp"))
            self.assertIsNotNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6100, "udp"))
        wh.warren("rm", "web1")
        lines = "\n".join(tracked())
        for address in space["ipv4"], space["ipv6"]:
            self.assertNotIn(f"src={address} ", lines)
        self.assertIn(f"src={other['ipv4']} ", lines)
        self.assertTrue(all(in_vain(wh.echoes, sock) for sock in flows[:2]))


class Cap(Forwards):
    limit = 20

    def setUp(self):
        super().setUp()
        wh.configure(conntrack_per_space=self.limit)
        self.web("web1", "6000:8080/both")
        self.web("web2", "6001:8080/both")
        for proto in "tcp", "udp":
            self.serve(wh.OUTSIDE, 7100, proto)

    def open_many(self, wanted, count, *where):
        """How many of so many connections at the same time are answered, which should be the wanted number."""
        flows = [wh.in_ns(where[0], socket.socket, wh.family_of(where[1]), wh.KINDS[where[3]])
                 for _ in range(count)]
        for sock in flows:
            self.servers.enter_context(sock)
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect(where[1:3])
            if where[3] == "udp":
                sock.send(b"?")
        
        # All that are answered come to it in their time; then nothing more must.
        answered = set()

        def more():
            before = len(answered)
            answered.update(sock for sock in flows if sock not in answered and self.answered(sock))
            return len(answered) > before
        wh.wait_until(lambda: (more(), len(answered) >= wanted)[1])
        while not wh.stays(lambda: not more()):
            pass
        return len(answered)

    def answered(self, sock):
        with contextlib.suppress(OSError):
            return bool(sock.recv(100))
        return False

    def test_way_out(self):
        for proto, address in ("tcp", wh.WORLD4), ("udp", wh.WORLD6):
            self.assertEqual(self.open_many(self.limit, self.limit + 5, "web1", address, 7100, proto), self.limit)
            self.assertIsNotNone(wh.connect("web2", address, 7100, proto))
        self.assertGreater(wh.warren("show", "web1", json=True)["refused"]["over_limit"], 0)
        self.assertEqual(wh.warren("show", "web2", json=True)["refused"]["over_limit"], 0)

    def test_way_in(self):
        self.assertEqual(self.open_many(self.limit, self.limit + 5, wh.OUTSIDE, wh.UPLINK4, 6000, "tcp"), self.limit)
        self.assertEqual(self.open_many(self.limit, self.limit + 5, wh.OUTSIDE, wh.UPLINK6, 6000, "udp"), self.limit)
        self.assert_reached(*((wh.OUTSIDE, address, 6001, "tcp", "web2") for address in PUBLIC))

    def test_both_ways_share_it(self):
        self.assertEqual(self.open_many(12, 12, wh.OUTSIDE, wh.UPLINK4, 6000, "tcp"), 12)
        self.assertEqual(self.open_many(self.limit - 12, 12, "web1", wh.WORLD4, 7100, "tcp"), self.limit - 12)


if __name__ == "__main__":
    wh.main()
