#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways in and ways out: forwards, NAT, taken ports, hairpin, and the MTU."""

import errno
import json
import os
import select
import socket
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh
from forwards import PUBLIC, Forwards

SECOND4 = "203.0.113.11"
GATEWAY4 = "100.64.0.1"

HTTP_SERVER = """
import http.server, socket, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{sys.argv[1]} {self.client_address[0]}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

servers = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler), Server6(("::", 8080), Handler)
threading.Thread(target=servers[0].serve_forever, daemon=True).start()
print("ready", flush=True)
servers[1].serve_forever()
"""


def http_get(ns, address, port):
    host = f"[{address}]" if wh.is6(address) else address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return wh.in_ns(ns, lambda: opener.open(f"http://{host}:{port}/", timeout=wh.patience()).read().decode())


def refuses(ns, address, port):
    """Is a TCP connection refused, and at the first try?"""
    with wh.in_ns(ns, socket.socket, wh.family_of(address)) as sock:
        sock.setblocking(False)
        if sock.connect_ex((address, port)) == errno.EINPROGRESS:
            select.select([], [sock], [], wh.patience())
        retransmitted = wh.retransmissions(sock)
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED and retransmitted == 0


class MainJob(Forwards):
    def test_two_http_servers_on_one_port(self):
        for name, port in ("web1", 6000), ("web2", 6001):
            self.add(name, f"{port}:8080")
            process = wh.start(wh.WARREN, "exec", name, "--", sys.executable, "-c", HTTP_SERVER, name,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.servers.enter_context(process.stdout)
            self.servers.enter_context(wh.killed_after(process))
            self.assertEqual(process.stdout.readline(), b"ready\n")
        for port, name in (6000, "web1"), (6001, "web2"):
            self.assertEqual(http_get(wh.OUTSIDE, wh.UPLINK4, port), f"{name} {wh.OUTSIDE4}")
            self.assertEqual(http_get(wh.OUTSIDE, wh.UPLINK6, port), f"{name} {wh.OUTSIDE6}")


class WayOut(Forwards):
    def peers(self, space):
        """Whom a server of the world sees, for TCP and UDP, v4 and v6."""
        for proto in "tcp", "udp":
            self.serve(wh.OUTSIDE, 7100, proto)
        attempts = [(space, address, 7100, proto) for proto in ("tcp", "udp") for address in (wh.WORLD4, wh.WORLD6)]
        return [reply and reply.peer for reply in wh.connect_all(*attempts)]

    def test_nat(self):
        self.add("web1")
        self.assertEqual(self.peers("web1"), [*PUBLIC] * 2)

    def test_no_nat(self):
        space = self.add("web1", options=["--no-nat"])
        for address, via in (space["ipv4"], wh.UPLINK4), (space["ipv6"], wh.UPLINK6):
            wh.run("ip", "route", "add", address, "via", via, ns=wh.OUTSIDE)
            self.addCleanup(wh.run, "ip", "route", "del", address, "via", via, ns=wh.OUTSIDE)
        self.assertEqual(self.peers("web1"), [space["ipv4"], space["ipv6"]] * 2)


class WaysIn(Forwards):
    def test_protocols(self):
        self.web("web1", "6000:8080", "6001:8080/udp", "6002:8080/both")
        taken = {(6000, "tcp"), (6001, "udp"), (6002, "tcp"), (6002, "udp")}
        self.assert_reached(*((wh.OUTSIDE, address, port, proto, "web1" if (port, proto) in taken else None)
                              for address in PUBLIC for port in (6000, 6001, 6002) for proto in ("tcp", "udp")))

    def test_host_address(self):
        wh.run("ip", "address", "add", f"{SECOND4}/24", "dev", "uplink")
        self.addCleanup(wh.run, "ip", "address", "del", f"{SECOND4}/24", "dev", "uplink")
        self.web("web1", f"{wh.UPLINK4}:6000:8080", f"[{wh.UPLINK6}]:6001:8080/udp",
                 f"{wh.UPLINK4}:8080-8089:8080-8089")
        self.web("web2", f"{SECOND4}:6000:8080")
        self.assert_reached(
            (wh.OUTSIDE, wh.UPLINK4, 6000, "tcp", "web1"),
            (wh.OUTSIDE, SECOND4, 6000, "tcp", "web2"),
            (wh.OUTSIDE, wh.UPLINK6, 6000, "tcp", None),
            (wh.HOST, "127.0.0.1", 6000, "tcp", None),
            (wh.OUTSIDE, wh.UPLINK6, 6001, "udp", "web1"),
            (wh.OUTSIDE, wh.UPLINK4, 6001, "udp", None),
            (wh.OUTSIDE, wh.UPLINK4, 8080, "tcp", "web1"),
            (wh.OUTSIDE, SECOND4, 8080, "tcp", None))

    def test_loopback_of_the_host_only(self):
        self.web("web1", "127.0.0.1:6000:8080/both")
        with wh.Sniffer("web1", "veth_web1") as sniffer:
            wh.send_packet(wh.OUTSIDE, "eth0", wh.udp_packet(wh.OUTSIDE4, "127.0.0.1", 6000))
            self.assertTrue(sniffer.silent(), "who is on the wire reaches the host's loopback")
        self.assert_reached((wh.HOST, "127.0.0.1", 6000, "tcp", "web1"), (wh.HOST, "127.0.0.1", 6000, "udp", "web1"),
                            (wh.OUTSIDE, wh.UPLINK4, 6000, "tcp", None), ("web1", GATEWAY4, 6000, "tcp", None))

    def test_range_is_one_element(self):
        self.add("web1", "8000-8099/both")
        for port in 7999, 8000, 8050, 8099, 8100:
            self.serve("web1", port)
        self.serve("web1", 8099, "udp")
        for family in "46":
            listed = json.loads(wh.run("nft", "-j", "list", "map", "inet", "warren", f"ranges{family}").stdout)
            elements = next(part["map"] for part in listed["nftables"] if "map" in part)["elem"]
            self.assertEqual(len(elements), 2, "one for tcp, one for udp")
        reached = {7999: None, 8000: "web1", 8050: "web1", 8099: "web1", 8100: None}
        self.assert_reached(*((wh.OUTSIDE, address, port, "tcp", server)
                              for address in PUBLIC for port, server in reached.items()),
                            *((wh.OUTSIDE, address, 8099, "udp", "web1") for address in PUBLIC))

    def test_datagrams_in_fragments(self):
        self.web("web1", "6000:8080/udp")
        for address in PUBLIC:
            sock = self.open(wh.OUTSIDE, address, 6000, "udp")
            sock.send(b"x" * 4000)
            self.assertTrue(sock.recv(8000).endswith(b"\n" + b"x" * 4000))

    def test_free_port(self):
        self.web("web1", "8080")
        ports = [int(forward["host_ports"]) for forward in wh.warren("port", "ls", "web1", json=True)]
        for spec in "8080", "8080/both":
            added = wh.warren("port", "add", "web1", spec, json=True)["added"]
            self.assertEqual(len({forward["host_ports"] for forward in added}), 1)
            ports.append(int(added[0]["host_ports"]))
        self.assertEqual(len(set(ports)), 3)
        self.assertTrue(all(40000 <= port <= 61000 for port in ports), ports)
        self.assert_reached(*((wh.OUTSIDE, address, port, "tcp", "web1") for address in PUBLIC for port in ports),
                            (wh.OUTSIDE, wh.UPLINK4, ports[2], "udp", "web1"))

    def test_free_port_of_a_small_range(self):
        wh.configure(port_range="50000-50002")
        self.serve(wh.HOST, 50000)
        self.add("web1", "50001:80")
        self.assertEqual(wh.warren("port", "add", "web1", "81", json=True)["added"][0]["host_ports"], "50002")
        self.assert_refused("port", "add", "web1", "82", says=["50000-50002"])


class Taken(Forwards):
    def test_by_a_space(self):
        self.web("web1", "6000:8080", "6100-6199")
        self.add("web2")
        for spec in "6000:80", "6000:8080/both", "5990-6010", "6150:80", "6199-6200", f"{wh.UPLINK4}:6000:80":
            with self.subTest(spec=spec):
                self.assert_refused("port", "add", "web2", spec, says=["taken", "space web1"])
                self.assertEqual(wh.warren("port", "ls", "web2", json=True), [])
        self.assert_refused("add", "web3", "-p", "6000:80", says=["6000", "space web1"])
        self.assertEqual(len(wh.warren("ls", json=True)), 2)
        wh.warren("port", "add", "web2", "6000:8080/udp")  # of the other protocol it is free
        self.assert_reached((wh.OUTSIDE, wh.UPLINK4, 6000, "tcp", "web1"))

    def test_by_a_program_of_the_host(self):
        self.serve(wh.HOST, 7000)
        self.serve(wh.HOST, 7001, "udp", addresses=["127.0.0.1"])
        self.add("web1")
        for spec in "7000:80", f"{wh.UPLINK4}:7000:80", "6990-7010", "7001:80/udp", "127.0.0.1:7001:80/udp":
            with self.subTest(spec=spec):
                self.assert_refused("port", "add", "web1", spec, says=["taken", f"PID {os.getpid()}", "python3"])
        wh.warren("port", "add", "web1", f"{wh.UPLINK4}:7001:80/udp")  # there it is not listened to


class Hairpin(Forwards):
    def setUp(self):
        super().setUp()
        self.web1 = self.web("web1", "6000:8080/both")
        self.web2 = self.web("web2", "6001:8080/both")

    def peers(self, ns, addresses, port):
        """What address the server behind the port sees, for TCP and UDP at each of the addresses."""
        attempts = [(ns, address, port, proto) for proto in ("tcp", "udp") for address in addresses]
        return [reply and (reply.server, reply.peer) for reply in wh.connect_all(*attempts)]

    def test_host(self):
        self.assertEqual(self.peers(wh.HOST, PUBLIC, 6000), [("web1", address) for address in PUBLIC] * 2)
        self.assertEqual(self.peers(wh.HOST, ["127.0.0.1"], 6000), [("web1", GATEWAY4)] * 2)

    def test_host_v6_loopback_is_refused_at_once(self):
        self.assertTrue(refuses(wh.HOST, "::1", 6000))

    def test_own_forward(self):
        gateway6 = self.gateway6()
        self.assertEqual(self.peers("web1", PUBLIC, 6000), [("web1", GATEWAY4), ("web1", gateway6)] * 2)
        self.assertEqual(self.peers("web1", (GATEWAY4, gateway6), 6000), [("web1", GATEWAY4), ("web1", gateway6)] * 2)

    def test_forward_of_another_space(self):
        own = [("web2", self.web1["ipv4"]), ("web2", self.web1["ipv6"])]
        self.assertEqual(self.peers("web1", PUBLIC, 6001), own * 2)
        self.assertEqual(self.peers("web1", (GATEWAY4, self.gateway6()), 6001), own * 2)

    def gateway6(self):
        return ":".join(self.web1["ipv6"].split(":")[:3]) + ":1::1"


class Mtu(Forwards):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.set_uplink, 1500)

    def set_uplink(self, mtu):
        wh.run("ip", "link", "set", "uplink", "mtu", mtu)

    def mtus(self, name):
        return wh.link(wh.HOST, f"veth_{name}_o")["mtu"], wh.link(name, f"veth_{name}")["mtu"]

    def test_follows_the_uplink(self):
        self.set_uplink(1400)
        self.add("web1")
        self.assertEqual(self.mtus("web1"), (1400, 1400))
        self.set_uplink(1300)
        found = wh.warren("check", check=False)
        self.assertEqual(found.returncode, 3, found.stdout)
        self.assertIn("MTU", found.stdout)
        self.assertIn("veth_web1", found.stdout)
        wh.warren("up")
        self.assertEqual(self.mtus("web1"), (1300, 1300))
        wh.warren("check")


if __name__ == "__main__":
    wh.main()
