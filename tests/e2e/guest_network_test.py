# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose root sets up the network of its space: what he may, and that he gets no further for it."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guests  # noqa: E402
import isolation_test as isolation  # noqa: E402
import warrenhost as wh  # noqa: E402
from guests import run, script  # noqa: E402
from isolation_test import PUBLIC  # noqa: E402


class Owned(isolation.Stage):
    """The stage of the isolation table, with network namespaces that the guests' user namespaces own."""

    def add(self, name, port):
        wh.warren("add", name, "-p", f"{port}:8080/both")
        guests.own_map(name)
        return wh.warren("show", name, json=True)

    def meddle(self, *lines):
        """The guest's root of space a does this, and each line succeeds."""
        for line in lines:
            run("a", "--", "sh", "-c", line)

    def test_its_root_sets_up_addresses_routes_and_rules(self):
        said = script("a", "ip address add 10.9.9.9/32 dev veth_a && ip route add 10.8.0.0/24 dev veth_a &&"
                           "nft add table inet mine && nft list tables && ip link add v0 type veth peer name v1 &&"
                           "sysctl -q -w net.ipv4.ip_forward=1 && ip -o address show dev veth_a && ip route && ls /sys/class/net")
        for part in "table inet mine", "10.9.9.9/32", "10.8.0.0/24", "v0":
            self.assertIn(part, said)
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_the_table_as_from_any_space(self):
        isolation.Table.test_from_a_space(self)

    def test_it_gets_no_further_with_another_set_up(self):
        b4, b6 = self.addresses(self.b)
        self.meddle(f"ip address add {b4}/32 dev veth_a", f"ip address add {b6}/128 dev veth_a nodad",
                    "ip route add 127.0.0.0/8 via 100.64.0.1 dev veth_a onlink table 7 && ip rule add to 127.0.0.0/8 table 7 pref 1",
                    "ip link set veth_a down && ip link set veth_a address 02:00:00:00:03:00 && ip link set veth_a arp on up",
                    "ip route replace default via 100.64.0.1 dev veth_a onlink",
                    "ip -6 route replace default via fe80::1 dev veth_a",
                    "for f in $(nft list tables | cut -d' ' -f2-); do :; done; nft flush ruleset",
                    "sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1 net.ipv6.conf.all.forwarding=1")
        seen = {key: list(server.peers) for key, server in self.seen.items()}
        self.assert_cells(("a", PUBLIC, 7000, None), ("a", self.gateway, 7000, None), ("a", PUBLIC, 9090, None))
        packets = isolation.udp_pairs([b4, b6, "203.0.113.1", "127.0.0.1", "100.64.0.1", "2001:db8::1", "::1"],
                                      [(to, port) for to in (*PUBLIC, *self.gateway, wh.WORLD4, wh.WORLD6, b4, b6)
                                       for port in (7000, 7001, 7100, 8080, 9090)])
        with wh.Sniffer(wh.OUTSIDE, "eth0") as outside, wh.Sniffer("b", "veth_b") as in_b:
            wh.send_packets("a", "veth_a", packets)
            self.assertTrue(in_b.silent(sport=40000) and outside.silent(sport=40000, timeout=0))
        for key, server in self.seen.items():
            if key[0] not in ("a",):
                self.assertEqual(list(server.peers), seen[key], key)
        self.assert_cells((wh.OUTSIDE, PUBLIC, 6001, "b"), (wh.HOST, self.addresses(self.b), 8080, "b"))

    def test_it_moves_its_link_away_and_the_host_mends(self):
        self.meddle("ip link delete veth_a")
        self.assertEqual(wh.warren("check", check=False).returncode, 3)
        wh.warren("up")
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        self.assert_cells(("a", PUBLIC, 6001, "b"), (wh.OUTSIDE, PUBLIC, 6000, "a"))
        self.meddle("ip address add 10.9.9.9/32 dev veth_a")

    def test_other_spaces_and_the_host_are_out_of_reach(self):
        for attempt in ("nsenter --net=/run/netns/b true", "nsenter --net=/run/warren/sessions/host true",
                        "ip link set veth_a netns /run/netns/b", "echo 1 >/proc/sys/net/ipv4/conf/all/forwarding; "
                        "echo 1 >/proc/sys/kernel/sysrq", "ip link set veth_b_o down",
                        "echo 5 >/proc/sys/net/netfilter/nf_conntrack_max", "mount -t nfsd x /mnt"):
            with self.subTest(attempt=attempt):
                self.assertNotEqual(run("a", "--", "sh", "-c", attempt, check=False).returncode, 0)
        self.assertNotIn("uplink", script("a", "ip link; cat /proc/net/dev; ls /sys/class/net"))

    def test_another_map_has_no_say_over_it(self):
        wh.warren("map", "split", "a", check=False)
        self.assertEqual(script("a", "cat /proc/self/uid_map", "--map", "a.2").split()[2], "65536")
        got = run("a", "--map", "a.2", "--", "ip", "link", "set", "lo", "down", check=False)
        self.assertIn("not permitted", got.stderr)


if __name__ == "__main__":
    wh.main()
