# SPDX-License-Identifier: GPL-2.0-or-later
"""What others break: `check` names it, `up` mends it, and what is right is not touched.

Through all of it a TCP connection through the forward of another space lives on.
"""

import os
import pathlib
import re
import signal
import sys
import threading
from subprocess import DEVNULL
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

FOUND = 3
LONG_NAME = "a_name_of_twenty_chars"  # whose interfaces are named after its number


def sh(line, ns=wh.HOST):
    wh.run("sh", "-c", line, ns=ns)


def spaces():
    return {space["name"]: space for space in wh.warren("ls", json=True)}


def identity(space):
    """What must be the same after any repair."""
    keys = ("number", "ipv4", "ipv6", "mac", "host_mac", "interface", "host_interface", "nat")
    return [space[key] for key in keys] + [forward["spec"] for forward in space["forwards"]]


class Repair(wh.HostTest):
    """web1 is what gets broken; other has the long-lived connection."""

    maxDiff = None

    def setUp(self):
        self.addCleanup(wh.warren, "rm", "--all", "--force")
        hoststate.restore_store({})  # so that web1 has the number 2
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "8000-8009", "-p", "53:53/udp", "--no-nat")
        wh.warren("add", "other", "-p", "7000:8080")
        self.server = wh.serve("other", 8080)
        self.line = wh.connection(wh.OUTSIDE, wh.UPLINK4, 7000)
        self.line6 = wh.connection(wh.OUTSIDE, wh.UPLINK6, 7000)
        wh.read_reply(self.line), wh.read_reply(self.line6)
        self.whole = hoststate.everything()
        self.web1 = spaces()["web1"]

    def tearDown(self):
        self.line.close()
        self.line6.close()
        self.server.stop()
        super().tearDown()

    def assert_lines_live(self):
        self.assertTrue(wh.echoes(self.line), "the other space's IPv4 connection broke")
        self.assertTrue(wh.echoes(self.line6), "the other space's IPv6 connection broke")

    def assert_found(self, *patterns):
        found = wh.warren("check", check=False)
        self.assertEqual(found.returncode, FOUND, found.stdout + found.stderr)
        for pattern in patterns:
            self.assertRegex(found.stdout, pattern)

    def assert_clean(self):
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (0, "all is as it should be\n"))
        self.assertEqual(wh.warren("up", json=True), {"mended": [], "failed": []})

    def assert_serves(self, name="web1", port=6000):
        with wh.serve(name, 8080):
            for address in wh.UPLINK4, wh.UPLINK6:
                reply = wh.connect(wh.OUTSIDE, address, port)
                self.assertIsNotNone(reply, f"no answer from {name} through {address}")
                self.assertEqual(reply.server, name)

    def assert_repairs(self, *patterns):
        """check names the fault, up mends it, once, and all is as it was."""
        self.assert_found(*patterns)
        mended = wh.warren("up", json=True)
        self.assertEqual(mended["failed"], [])
        self.assertNotEqual(mended["mended"], [])
        self.assert_clean()
        self.assertEqual(hoststate.difference(self.whole, hoststate.everything()), {})
        self.assertEqual(identity(spaces()["web1"]), identity(self.web1))
        self.assert_serves()
        self.assert_lines_live()


class Fault(NamedTuple):
    """A way to break web1 or what all share; `ns` is where the command runs."""
    what: str
    command: str
    named: tuple  # patterns that check's answer must have
    ns: str = wh.HOST


FAULTS = (
    Fault("the host end of the veth is deleted", "ip link del veth_web1_o", ("space web1: .*veth_web1",)),
    Fault("the inner end of the veth is deleted", "ip link del veth_web1", ("space web1: .*veth_web1",), "web1"),
    Fault("the namespace is deleted", "ip netns del web1", ("space web1: .*/run/netns/web1",)),
    Fault("the pin is an empty file", "umount /run/netns/web1", ("space web1: .*/run/netns/web1",)),
    Fault("another namespace has the name", "ip netns del web1; ip netns add web1", ("space web1: ",)),
    Fault("the host end was renamed", "ip link set veth_web1_o down name gone; ip link set gone up",
          ("space web1: ", "link gone belongs to no space")),
    Fault("the host end left the group", "ip link set veth_web1_o group 0", ("space web1: .*group",)),
    Fault("the host end has a wrong MTU", "ip link set veth_web1_o mtu 1400", ("space web1: .*MTU",)),
    Fault("the inner end has a wrong MTU", "ip link set veth_web1 mtu 1280", ("space web1: .*MTU",), "web1"),
    Fault("an MTU too small for IPv6", "ip link set veth_web1 mtu 1000", ("space web1: .*MTU",), "web1"),
    Fault("the host end has a wrong MAC", "ip link set veth_web1_o address 02:00:00:00:00:99",
          ("space web1: .*veth_web1_o .*MAC",)),
    Fault("the inner end has a wrong MAC", "ip link set veth_web1 address 02:00:00:00:00:98",
          ("space web1: .*veth_web1 .*MAC",), "web1"),
    Fault("the host end is down", "ip link set veth_web1_o down", ("space web1: veth_web1_o is not up",)),
    Fault("the inner end is down", "ip link set veth_web1 down", ("space web1: veth_web1 is not up",), "web1"),
    Fault("ARP is on", "ip link set veth_web1_o arp on", ("space web1: veth_web1_o .*ARP",)),
    Fault("autoconfiguration is on", "ip link set veth_web1_o addrgenmode eui64", ("space web1: veth_web1_o .*auto",)),
    Fault("lo is down inside", "ip link set lo down", ("space web1: lo is down",), "web1"),
    Fault("the IPv4 address is gone", "ip -4 addr flush dev veth_web1", ("space web1: 100.64.0.2 is not on",), "web1"),
    Fault("the IPv6 address is gone", "ip -6 addr flush dev veth_web1", ("space web1: fd.*::2 is not on",), "web1"),
    Fault("no IPv4 default route inside", "ip -4 route del default", ("space web1: no IPv4 default",), "web1"),
    Fault("no IPv6 default route inside", "ip -6 route del default", ("space web1: no IPv6 default",), "web1"),
    Fault("another IPv4 default route inside", "ip -4 route replace default dev veth_web1",
          ("space web1: no IPv4 default",), "web1"),
    Fault("no neighbours inside", "ip neigh flush all nud permanent", ("space web1: .*gateway's MAC",), "web1"),
    Fault("a wrong neighbour inside", "ip neigh replace 100.64.0.1 lladdr 02:00:00:00:00:77 dev veth_web1",
          ("space web1: .*IPv4 gateway's MAC",), "web1"),
    Fault("no IPv4 route to the space", "ip route del 100.64.0.2",
          ("space web1: the host has no route to 100.64.0.2",)),
    Fault("no IPv6 route to the space", "ip -6 route flush dev veth_web1_o",
          ("space web1: the host has no route to fd",)),
    Fault("a route without our source", "ip route replace 100.64.0.2 dev veth_web1_o", ("space web1: .*no route to",)),
    Fault("no neighbours on the host", "ip neigh flush dev veth_web1_o nud permanent",
          ("space web1: .*the MAC of 100.64.0.2", "space web1: .*the MAC of fd")),
    Fault("a wrong neighbour on the host", "ip neigh replace 100.64.0.2 lladdr 02:00:00:00:00:77 dev veth_web1_o",
          ("space web1: .*the MAC of 100.64.0.2",)),
    Fault("forwarding is off on the host end", "sysctl -w net.ipv4.conf.veth_web1_o.forwarding=0",
          ("space web1: IPv4 forwarding",)),
    Fault("route_localnet is off", "sysctl -w net.ipv4.conf.veth_web1_o.route_localnet=0", ("space web1: .*localnet",)),
    Fault("IPv6 forwarding is off on the host end", "sysctl -w net.ipv6.conf.veth_web1_o.force_forwarding=0",
          ("space web1: IPv6 forwarding",)),
    Fault("forwarding is off on the uplink", "sysctl -w net.ipv4.conf.uplink.forwarding=0",
          ("host: net.ipv4.conf.uplink.forwarding is 0, wants 1",)),
    Fault("IPv6 forwarding is off on the uplink", "sysctl -w net.ipv6.conf.uplink.force_forwarding=0",
          ("host: net.ipv6.conf.uplink.force_forwarding is 0, wants 1",)),
    Fault("the IPv4 gateway is gone", "ip addr del 100.64.0.1/32 dev lo",
          ("host: gateway address 100.64.0.1 is not on lo",)),
    Fault("the IPv6 gateway is gone", "ip -6 addr show dev lo | sed -n 's/.*inet6 \\(fd[^ ]*\\).*/\\1/p' | "
          "xargs -I% ip addr del % dev lo", ("host: gateway address fd.*::1 is not on lo",)),
    Fault("the pool's route is gone", "ip route del unreachable 100.64.0.0/16 metric 65000",
          ("host: no unreachable route for 100.64.0.0/16",)),
    Fault("somebody flushed nftables", "nft flush ruleset", ("nft: table inet warren is not there",)),
    Fault("somebody deleted our table", "nft delete table inet warren", ("nft: table inet warren is not there",)),
    Fault("somebody emptied a chain", "nft flush chain inet warren nat_prerouting", ("nft: the rules of table inet",)),
    Fault("one rule is gone", "nft -a list chain inet warren forward | sed -n 's/.*oifgroup 30562 drop # handle //p' | "
          "xargs nft delete rule inet warren forward handle", ("nft: the rules of table inet warren",)),
    Fault("a foreign rule is in our table", "nft insert rule inet warren forward tcp dport 9 drop",
          ("nft: the rules of table inet warren",)),
    Fault("a foreign chain is in our table", "nft add chain inet warren foreign", ("nft: the rules of table inet",)),
    Fault("a set was emptied", "nft flush set inet warren sources4",
          ("nft: missing: source 100.64.0.2 on veth_web1_o",)),
    Fault("a forward is missing", "nft delete element inet warren forwards4 '{ tcp . 6000 }'",
          ("nft: missing: forward tcp 6000 to 100.64.0.2:8080",)),
    Fault("a range is missing", "nft delete element inet warren ranges4 '{ tcp . 8000-8009 }'",
          ("nft: missing: forward tcp 8000-8009 to 100.64.0.2",)),
    Fault("a forward is too much", "nft add element inet warren forwards4 '{ tcp . 9 : 100.64.0.2 . 9 }'",
          ("nft: too much: forward tcp 9 to 100.64.0.2:9",)),
    Fault("a forward leads elsewhere", "nft delete element inet warren forwards4 '{ tcp . 6000 }'; "
          "nft add element inet warren forwards4 '{ tcp . 6000 : 100.64.0.3 . 22 }'",
          ("nft: too much: forward tcp 6000 to 100.64.0.3:22", "nft: missing: forward tcp 6000 to 100.64.0.2:8080")),
    Fault("a source is too much", "nft add element inet warren sources4 '{ \"veth_web1_o\" . 100.64.0.3 }'",
          ("nft: too much: source 100.64.0.3 on veth_web1_o",)),
    Fault("NAT is back", "nft flush set inet warren no_nat4", ("nft: missing: no NAT for 100.64.0.2",)),
    Fault("a link of ours is of no space",
          "ip link add veth_stray_o type veth peer name yarts; ip link set veth_stray_o group 30561",
          ("host: link veth_stray_o belongs to no space",)),
)


class Faults(Repair):
    """A test for each of FAULTS, and for several."""

    def test_all_at_once(self):
        for command in ("ip netns del web1", "nft flush ruleset", "sysctl -qw net.ipv4.conf.uplink.forwarding=0",
                        "ip route del 100.64.0.3", "ip addr del 100.64.0.1/32 dev lo"):
            sh(command)
        self.assert_repairs("space web1: ", "nft: ", "host: net.ipv4", "host: gateway", "space other: ")

    def test_dry_run_mends_nothing(self):
        sh("ip link set veth_web1_o down; nft delete element inet warren forwards4 '{ tcp . 6000 }'")
        broken = hoststate.everything()
        would = wh.warren("up", "--dry-run", json=True)["would_mend"]
        self.assertGreaterEqual(len(would), 2)
        self.assertEqual(hoststate.difference(broken, hoststate.everything()), {})
        self.assertEqual(wh.warren("check", check=False).returncode, FOUND)

    def test_up_of_one_space(self):
        """`up web1` mends web1, not what is broken elsewhere; no argument means all."""
        sh("ip link set veth_web1_o down; ip link set veth_other_o mtu 1400")
        wh.warren("up", "web1")
        found = wh.warren("check", check=False).stdout
        self.assertNotIn("web1", found)
        self.assertIn("space other: ", found)
        wh.warren("up")
        self.assert_clean()

    def test_up_of_one_space_with_a_changed_forward(self):
        sh("nft delete element inet warren forwards4 '{ tcp . 6000 }'; "
           "nft add element inet warren forwards4 '{ tcp . 6000 : 100.64.0.3 . 22 }'")
        wh.warren("up", "web1")
        self.assert_clean()
        self.assert_serves()

    def test_what_is_foreign_stays(self):
        sh("nft add table ip mine; nft add chain ip mine c; ip link add foreign type veth peer name ngierof;"
           "ip netns add foreign; ip route add 192.0.2.0/24 dev uplink;"
           "ip -n foreign link add veth_web1 type veth peer name veth_web1_o")
        before = hoststate.everything()
        self.assert_clean()
        sh("nft delete table inet warren; ip netns del web1")
        wh.warren("up")
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        self.assertIn("chain c", wh.run("nft", "list", "table", "ip", "mine").stdout)
        sh("nft delete table ip mine; ip link del foreign; ip netns del foreign; ip route del 192.0.2.0/24")


def test_of(fault):
    def test(self):
        sh(fault.command, fault.ns)
        self.assert_repairs(*fault.named)
    return test


for one in FAULTS:
    setattr(Faults, "test_" + re.sub(r"\W+", "_", one.what), test_of(one))


class LivingNamespace(Repair):
    """`ip netns del` while a process lives inside: its namespace gets its name back, its connections live."""

    def setUp(self):
        super().setUp()
        self.inside = wh.serve("web1", 8080)
        self.process = wh.start("sleep", "100", ns="web1")
        self.own = wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000)
        wh.read_reply(self.own)

    def tearDown(self):
        self.own.close()
        self.inside.stop()
        self.process.kill()
        self.process.wait()
        super().tearDown()

    def assert_same_namespace(self):
        self.assert_clean()
        self.assertEqual(os.stat("/run/netns/web1").st_ino, os.stat(f"/proc/{self.process.pid}/ns/net").st_ino)
        self.assertTrue(wh.echoes(self.own), "the connection into the broken space broke")
        self.assert_lines_live()

    def test_pinned_again(self):
        sh("ip netns del web1")
        self.assert_found("space web1: .*/run/netns/web1")
        wh.warren("up")
        self.assert_same_namespace()

    def test_pinned_again_and_mended(self):
        """Found even when more than the name is gone."""
        sh("ip neigh flush all nud permanent; ip -4 route del default", ns="web1")
        sh("ip netns del web1; nft delete table inet warren; ip route del 100.64.0.2")
        wh.warren("up")
        self.assert_same_namespace()

    def test_another_that_looks_the_same_is_left_alone(self):
        """Anybody can make a namespace with a link of this name and MAC."""
        mac = wh.mac_of("web1", "veth_web1")
        with wh.decoy(f"ip link add veth_web1 address {mac} type veth peer name other") as decoy:
            sh("ip netns del web1")
            wh.warren("up")
            self.assert_same_namespace()
            self.assertNotEqual(os.stat("/run/netns/web1").st_ino, decoy)

    def test_pinned_again_with_a_long_name(self):
        wh.warren("add", LONG_NAME)
        inode = os.stat(f"/run/netns/{LONG_NAME}").st_ino
        with wh.killed_after(wh.start("sleep", "100", ns=LONG_NAME)):
            sh(f"ip netns del {LONG_NAME}")
            wh.warren("up")
            self.assert_same_namespace()
            self.assertEqual(os.stat(f"/run/netns/{LONG_NAME}").st_ino, inode)
        wh.warren("rm", LONG_NAME)

    def test_rm_names_the_process(self):
        refused = wh.warren("rm", "web1", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, rf"web1.*{self.process.pid} \(sleep 100\)")
        self.assert_same_namespace()


class Reboot(wh.HostTest):
    """All kernel state and /run are gone, /var/lib is kept."""

    def lose_kernel_state(self):
        """As a reboot leaves it: no links, namespaces, tables, routes or settings of ours, and an empty /run/warren."""
        for space in wh.warren("ls", json=True):
            if space["state"] == "up":
                sh(f"ip link del {space['host_interface']}; ip netns del {space['name']}")
        sh("nft flush ruleset; umount /run/warren/sessions/host; rm -rf /run/warren")
        sh("for f in -4 -6; do ip $f route flush type unreachable; done; ip addr del 100.64.0.1/32 dev lo")
        for path, value in self.bare["sysctls"].items():
            if pathlib.Path(path).read_text().strip() != value:
                pathlib.Path(path).write_text(value)
        own6 = re.search(r"inet6 (fd\S+)", wh.run("ip", "-6", "addr", "show", "dev", "lo").stdout)
        wh.run("ip", "addr", "del", own6[1], "dev", "lo")

    def make_spaces(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "8000-8009", "-p", "53:53/both")
        wh.warren("add", "gone")
        wh.warren("add", LONG_NAME, "-p", "8080", "--ip4", "100.64.9.9")
        wh.warren("add", "web2", "-p", "6001:8080", "--no-nat")
        wh.warren("add", "rests", "-p", "6002:8080")
        wh.warren("down", "rests")
        wh.warren("rm", "gone")

    def test_all_comes_back(self):
        self.bare = hoststate.kernel()
        self.make_spaces()
        before, were = hoststate.everything(), spaces()
        self.lose_kernel_state()
        self.assertEqual(hoststate.difference(self.bare, hoststate.kernel()), {})
        self.assertEqual(wh.warren("check", check=False).returncode, FOUND)
        wh.warren("up")
        self.assertEqual(wh.warren("check", check=False).stdout, "all is as it should be\n")
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        for name, space in spaces().items():
            self.assertEqual(identity(space), identity(were[name]))
            self.assertEqual(space["state"], were[name]["state"])
        self.check_traffic()
        wh.warren("rm", "--all", "--force")
        self.assertEqual(hoststate.difference(self.bare, hoststate.kernel()), {})

    def check_traffic(self):
        with wh.serve("web1", 8080), wh.serve("web2", 8080):
            for port, name in (6000, "web1"), (6001, "web2"):
                for address, client in (wh.UPLINK4, wh.OUTSIDE4), (wh.UPLINK6, wh.OUTSIDE6):
                    reply = wh.connect(wh.OUTSIDE, address, port)
                    self.assertEqual((reply.server, reply.peer), (name, client))
        self.assertTrue(wh.ping("web1", wh.WORLD4) and wh.ping("web1", wh.WORLD6))


class AllAtOnce(wh.HostTest):
    COUNT = 50

    def test_many_adds(self):
        results = [None] * self.COUNT

        def add(index):
            results[index] = wh.warren("add", f"s{index}", "-p", "8080", check=False)

        threads = [threading.Thread(target=add, args=(index,)) for index in range(self.COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([result.stderr for result in results if result.returncode], [])
        self.assert_distinct(list(spaces().values()))
        self.assertEqual(wh.warren("check", check=False).stdout, "all is as it should be\n")

    def assert_distinct(self, made):
        self.assertEqual(len(made), self.COUNT)
        for key in "number", "ipv4", "ipv6", "mac", "host_mac", "host_interface":
            self.assertEqual(len({space[key] for space in made}), self.COUNT, key)
        self.assertEqual(len({space["forwards"][0]["host_ports"] for space in made}), self.COUNT)

    def test_adds_and_removals_of_the_same_names(self):
        """Whoever comes second is refused; nothing is left half-built."""
        commands = [("add", f"s{index % 3}") if index % 2 else ("rm", f"s{index % 3}") for index in range(24)]
        processes = [wh.start(wh.WARREN, *command, stdout=DEVNULL, stderr=DEVNULL) for command in commands]
        for process in processes:
            self.assertIn(process.wait(wh.patience(60)), (0, 1))
        self.assertEqual(wh.warren("check", check=False).stdout, "all is as it should be\n")

    def test_interrupted_add(self):
        """Ctrl-C: as a kill."""
        for delay in range(8):
            process = wh.start(wh.WARREN, "add", f"s{delay}", "-p", "8080", stdout=DEVNULL, stderr=DEVNULL)
            threading.Event().wait(delay / 1000)
            process.send_signal(signal.SIGINT)
            process.wait(wh.patience(60))
        wh.warren("up")
        self.assertEqual(wh.warren("check", check=False).stdout, "all is as it should be\n")


if __name__ == "__main__":
    wh.main()
