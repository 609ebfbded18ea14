#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The throw-away host itself, and the library that the end-to-end tests use in it."""

import json
import os
import subprocess
import sys
import time
import unittest

import warrenhost as wh


def links():
    return {entry["ifname"] for entry in json.loads(subprocess.check_output(["ip", "-j", "link"]))}


def host(*cmd, **options):
    return subprocess.run([wh.HOST_SH, *cmd], capture_output=True, text=True, timeout=wh.patience(60), **options)


@unittest.skipIf(wh.IN_HOST, "looks at the host from the machine")
class FromTheMachine(unittest.TestCase):
    def test_exit_code_is_that_of_the_command(self):
        self.assertEqual(host("sh", "-c", "exit 7").returncode, 7)

    def test_no_interface_of_the_machine_is_seen(self):
        seen = json.loads(host("ip", "-j", "link").stdout)
        self.assertEqual({entry["ifname"] for entry in seen}, {"lo", "uplink"})
        self.assertEqual(set(host("ls", "/sys/class/net").stdout.split()), {"lo", "uplink"})

    def test_nothing_remains(self):
        def processes():
            found = subprocess.run("cat /proc/[0-9]*/cmdline", shell=True, capture_output=True).stdout
            return b"sleep\x007.65e4" in found
        before = links(), os.path.exists("/run/netns") and os.listdir("/run/netns")
        script = """ip netns exec outside setsid sleep 7.65e4 >&- 2>&- & setsid sleep 7.65e4 >&- 2>&- &
            ip link add extra type veth peer name other; touch /etc/marked /run/marked /var/lib/marked"""
        self.assertEqual(host("sh", "-c", script).returncode, 0)
        self.assertIsNotNone(wh.wait_until(lambda: not processes()), "a process outlives the host")
        self.assertEqual(before, (links(), os.path.exists("/run/netns") and os.listdir("/run/netns")))
        self.assertFalse([d for d in ("/etc", "/run", "/var/lib") if os.path.exists(f"{d}/marked")])

    def test_hosts_in_parallel_do_not_meet(self):
        script = "ip netns add same && ip link add same type veth peer name eth0 netns same && sleep 0.2 && ip netns"
        hosts = [subprocess.Popen([wh.HOST_SH, "sh", "-c", script], stdout=subprocess.DEVNULL) for _ in range(4)]
        self.assertEqual([process.wait(wh.patience()) for process in hosts], [0] * 4)

    def test_starts_quickly(self):
        """As each test has one of its own: by what its namespaces alone cost here and now."""
        def spent(*command):
            begin = time.monotonic()
            subprocess.run(command, check=True, env=os.environ | {"WARREN_PATIENCE": "1"})
            return time.monotonic() - begin
        namespaces = "unshare", "--net", "--mount", "--pid", "--fork", "true"
        whole, bare = zip(*((spent(wh.HOST_SH, "true"), spent(*namespaces)) for _ in range(7)))
        self.assertLess(min(whole), 60 * min(bare))

    def test_limit(self):
        """Who is not done in time is ended, and it is said: in so many seconds of a good machine."""
        result = host("--limit", "1", "sleep", "1000")
        self.assertEqual(result.returncode, 124)
        self.assertRegex(result.stderr, r"^host.sh: not done after \d+ s, and ended\n$")
        self.assertEqual(host("--limit", "100", "sh", "-c", "exit 7").returncode, 7)

    def test_rest_of_this_file_in_a_host(self):
        result = host(sys.executable, __file__)
        self.assertEqual(result.returncode, 0, result.stderr)


class InTheHost(wh.HostTest):
    def test_starts_as_a_plain_server(self):
        keys = "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv6.conf.default.accept_ra"
        paths = ["/proc/sys/" + key.replace(".", "/") for key in keys]
        self.assertEqual(wh.run("cat", *paths).stdout, "0\n0\n1\n")

    def test_outside_reaches_host_and_host_the_world(self):
        for proto in "tcp", "udp":
            with wh.serve(wh.HOST, 7000, proto), wh.serve(wh.OUTSIDE, 7001, proto):
                replies = wh.connect_all((wh.OUTSIDE, wh.UPLINK4, 7000, proto), (wh.OUTSIDE, wh.UPLINK6, 7000, proto),
                                         (wh.HOST, wh.WORLD4, 7001, proto), (wh.HOST, wh.WORLD6, 7001, proto),
                                         (wh.HOST, wh.WORLD6, 7000, proto))
                seen = [reply and (reply.server, reply.peer, reply.local) for reply in replies]
            self.assertEqual(seen, [("host", wh.OUTSIDE4, wh.UPLINK4), ("host", wh.OUTSIDE6, wh.UPLINK6),
                                    ("outside", wh.UPLINK4, wh.WORLD4), ("outside", wh.UPLINK6, wh.WORLD6), None])

    def test_connection_is_held_and_echoes(self):
        with wh.serve(wh.HOST, 7000), wh.connection(wh.OUTSIDE, wh.UPLINK4, 7000, src=wh.WORLD4) as sock:
            self.assertEqual(wh.read_reply(sock).peer, wh.WORLD4)
            self.assertTrue(wh.echoes(sock))
        self.assertIsNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 7000))

    def test_ping(self):
        self.assertTrue(wh.ping(wh.HOST, wh.WORLD4) and wh.ping(wh.HOST, wh.WORLD6))
        self.assertFalse(wh.ping(wh.HOST, "203.0.113.99", timeout=wh.SILENCE))

    def test_spoofed_packets_arrive_and_are_seen(self):
        with wh.Sniffer(wh.HOST, "uplink") as sniffer, wh.serve(wh.HOST, 7000, "udp") as server:
            for src, dst in ("192.0.2.9", wh.UPLINK4), ("2001:db8:bad::9", wh.UPLINK6):
                wh.send_packet(wh.OUTSIDE, "eth0", wh.udp_packet(src, dst, 7000, sport=1234))
                wh.send_packet(wh.OUTSIDE, "eth0", wh.tcp_packet(src, dst, 7001))
                wh.send_packet(wh.OUTSIDE, "eth0", wh.icmp_packet(src, dst))
                self.assertEqual(sniffer.wait(src=src, proto=17, dport=7000).payload, b"spoofed")
                self.assertTrue(sniffer.saw(src=src, proto=6, dport=7001))
                self.assertTrue(sniffer.saw(outgoing=True, dst=src, proto=6, sport=7001), "no RST: wrong checksum?")
                self.assertTrue(sniffer.saw(outgoing=True, dst=src, proto=58 if wh.is6(src) else 1))
                self.assertTrue(sniffer.silent(src=src, dport=7002))
            self.assertEqual(server.peers, [("192.0.2.9", 1234), ("2001:db8:bad::9", 1234)])

    def test_arp_and_ndp_are_answered(self):
        mac = wh.mac_of(wh.OUTSIDE, "eth0")
        with wh.Sniffer(wh.OUTSIDE, "eth0") as sniffer:
            wh.send_frame(wh.OUTSIDE, "eth0", wh.arp_frame(mac, wh.OUTSIDE4, wh.UPLINK4))
            wh.send_frame(wh.OUTSIDE, "eth0", wh.ndp_frame(mac, wh.OUTSIDE6, wh.UPLINK6))
            uplink = wh.mac_of(wh.HOST, "uplink")
            self.assertTrue(sniffer.saw(ethertype=wh.ETH_ARP, src_mac=uplink, src=wh.UPLINK4))
            self.assertTrue(sniffer.saw(lambda p: p.payload[:1] == b"\x88", proto=58, src_mac=uplink, dst=wh.OUTSIDE6))

    def test_commands_run_in_their_namespace(self):
        self.assertEqual(wh.interface_of(wh.OUTSIDE), "eth0")
        self.assertEqual(wh.python(wh.OUTSIDE, "import os; print(os.listdir('/run/netns'))").stdout, "['outside']\n")
        with wh.killed_after(wh.start("sleep", "60", ns=wh.OUTSIDE)) as process:
            pids = wh.run("ip", "netns", "pids", "outside").stdout.split()
            self.assertIn(str(process.pid), pids)
        with self.assertRaises(AssertionError):
            wh.run("false")


if __name__ == "__main__":
    unittest.main()
