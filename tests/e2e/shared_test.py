#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One space as a security zone of many guests: who shares it, what they see of it, and that its devices are none of theirs."""

import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import pamhost  # noqa: E402
import warrenhost as wh  # noqa: E402

ZONE = "zone"
OWN = "veth_zone"
WHERE = "stat -Lc %i /proc/self/ns/net"
IP = "100.64.0.2"
# What a guest may try to change, each a command.
TRIES = [words.split() for words in (
    "ip address add 192.0.2.1/24 dev veth_zone",
    f"ip address del {IP}/32 dev veth_zone",
    "ip link set veth_zone down",
    "ip link set veth_zone address 02:00:00:00:00:99",
    "ip link set veth_zone mtu 1400",
    "ip link set veth_zone name other",
    "ip link del veth_zone",
    "ip link add v1 type veth peer name v2",
    "ip link add mv link veth_zone type macvlan",
    "ip link set lo down",
    "ip route add 192.0.2.0/24 dev veth_zone",
    "ip route del default",
    "ip -6 route del default",
    "ip neigh replace 100.64.0.1 lladdr 02:00:00:00:00:99 dev veth_zone",
    "ip rule add from all table 77",
    "nft add table inet mine",
    "nft flush ruleset",
    "tc qdisc add dev veth_zone root tbf rate 1mbit burst 10k latency 1s",
    "sysctl -qw net.ipv4.conf.all.forwarding=1",
    "sysctl -qw net.ipv4.conf.veth_zone.rp_filter=0")]


def inside(*command, options=(), **run_options):
    return wh.warren("exec", ZONE, *options, "--", *command, **{"check": False} | run_options)


def state():
    """All that a guest could have changed, as root sees it inside."""
    batch = "address show\nneigh show\nrule show\nroute show table all\n"
    commands = [("ip", "-d", "-batch", "-"), ("ip", "-6", "-batch", "-"), ("nft", "list", "ruleset"), ("tc", "qdisc"),
                ("grep", "-rs", ".", "/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf")]
    said = [wh.run(*command, ns=ZONE, input=batch, check=False).stdout for command in commands]
    # How long something is valid, or was last used, is nobody's doing.
    return [[line for line in text.splitlines() if "stable_secret" not in line] for text in said]


class Shared(pamhost.PamTest):
    services = ("sshd", "su")

    def setUp(self):
        super().setUp()
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)

    def start(self, *command, **options):
        return self.ends.enter_context(wh.killed_after(wh.start(*command, **options)))

    def container(self):
        """A guest that somebody else made, in namespaces of its own; its PID on the host."""
        process = self.start("unshare", "--net", "--uts", "--ipc", "--mount", "sleep", "61")
        self.assertTrue(wh.wait_until(lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("sleep")))
        return process.pid


class Guests(Shared):
    def test_an_adopted_guest_and_those_that_join_it(self):
        first = self.container()
        wh.warren("adopt", ZONE, "--pid", first, "-p", "6000:8080")
        wh.warren("member", "add", ZONE, "alice", "@team")
        wh.warren("add", "apart")
        inode = os.stat(f"/proc/{first}/ns/net").st_ino
        self.assertEqual(os.stat(f"/run/netns/{ZONE}").st_ino, inode)
        self.assertEqual(inside("sh", "-c", WHERE).stdout, f"{inode}\n")
        self.assertEqual(inside("sh", "-c", WHERE, options=["-u", "bob"]).stdout, f"{inode}\n")
        for user in "alice", "carol":  # a member himself, and one of a group's
            self.assertEqual(self.ssh(user, WHERE).stdout, f"{inode}\n")
            self.assertEqual(self.su(user, WHERE).stdout, f"{inode}\n")
        self.assertNotEqual(self.ssh("bob", WHERE, check=False).stdout, f"{inode}\n")
        self.reach_each_other()
        wh.warren("check")

    def reach_each_other(self):
        """One guest's server is on the loopback of the others, and reached from outside at the zone's forward."""
        with wh.serve(ZONE, 8080):
            script = "exec 3<>/dev/tcp/127.0.0.1/8080 || exit 1; head -c 1 <&3 | wc -c"
            self.assertEqual(self.ssh("alice", f"bash -c '{script}'").stdout.strip(), "1")
            self.assertEqual(inside("bash", "-c", script, options=["-u", "bob"]).stdout.strip(), "1")
            self.assertNotEqual(wh.warren("exec", "apart", "--", "bash", "-c", script, check=False).returncode, 0)
            self.assertEqual(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000).peer, wh.OUTSIDE4)

    def test_it_outlives_the_guest_that_it_was_adopted_from(self):
        process = self.start("unshare", "--net", "sleep", "61")
        self.assertTrue(wh.wait_until(lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("sleep")))
        wh.warren("adopt", ZONE, "--pid", process.pid)
        other = self.start(wh.WARREN, "exec", ZONE, "--", "sleep", "62")
        self.assertTrue(wh.wait_until(lambda: len(wh.warren("pids", ZONE, json=True)) == 2))
        process.kill()
        process.wait()
        self.assertEqual([guest["pid"] for guest in wh.warren("pids", ZONE, json=True)], [other.pid])
        self.assertTrue(wh.ping(ZONE, wh.WORLD4))
        wh.warren("check")

    def test_pids_are_grouped(self):
        wh.warren("adopt", ZONE, "--pid", self.container())
        for user, seconds in ("alice", 71), ("bob", 72), ("alice", 73):
            self.start(wh.WARREN, "exec", ZONE, "-u", user, "--", "sleep", seconds)
        self.assertTrue(wh.wait_until(lambda: sum(one["command"].startswith("sleep 7") for one in
                                                  wh.warren("pids", ZONE, json=True)) == 3))
        listed = wh.warren("pids", ZONE, json=True)
        self.assertEqual(sorted((one["user"], one["command"]) for one in listed),
                         [("alice", "sleep 71"), ("alice", "sleep 73"), ("bob", "sleep 72"), ("root", "sleep 61")])
        groups = {}
        for line in wh.warren("pids", ZONE, "--by", "user").stdout.splitlines():
            if line.startswith("  "):
                groups[title].append(line.split(None, 1)[1])  # noqa: F821
            else:
                title = line
                groups[title] = []
        self.assertEqual({title: sorted(members) for title, members in groups.items()},
                         {"user alice": ["sleep 71", "sleep 73"], "user bob": ["sleep 72"], "user root": ["sleep 61"]})
        self.assertEqual(wh.warren("pids", ZONE, "--by", "moon", check=False).returncode, 2)

    def test_pids_of_a_user_without_a_name(self):
        wh.warren("add", ZONE)
        process = self.start("nsenter", f"--net=/run/netns/{ZONE}", "setpriv", "--reuid=54321", "--clear-groups", "sleep", "74")
        self.assertTrue(wh.wait_until(lambda: [one["user"] for one in wh.warren("pids", ZONE, json=True)
                                               if one["pid"] == process.pid] == ["54321"]))


class View(Shared):
    """A guest sees the zone's own network in /proc/net and /sys/class/net, whoever he is."""

    def setUp(self):
        super().setUp()
        wh.warren("add", ZONE)
        wh.warren("add", "apart")

    def check(self, view):
        """`view` gives what a guest reads."""
        self.assertEqual(view("ls /sys/class/net").split(), ["lo", OWN])
        self.assertEqual(view(f"cat /sys/class/net/{OWN}/address"), f"{wh.mac_of(ZONE, OWN)}\n")
        devices = [line.split(":")[0].strip() for line in view("cat /proc/net/dev").splitlines()[2:]]
        self.assertEqual(sorted(devices), ["lo", OWN])
        routes = [line.split()[0] for line in view("cat /proc/net/route").splitlines()[1:]]
        self.assertEqual(set(routes), {OWN})
        listening = {int(line.split()[1].split(":")[1], 16) for line in view("cat /proc/net/tcp").splitlines()[1:]
                     if line.split()[3] == "0A"}
        self.assertEqual(listening, {8080})

    def test_by_exec(self):
        with wh.serve(ZONE, 8080), wh.serve("apart", 8081):
            for user in [], ["-u", "alice"]:
                with self.subTest(user=user):
                    self.check(lambda command: inside("sh", "-c", command, options=user, check=True).stdout)

    def test_by_a_session(self):
        """Of /proc/net; a session's /sys is that of the host (LIMITATIONS)."""
        wh.warren("member", "add", ZONE, "alice")
        text = self.ssh("alice", "cat /proc/net/dev; ls /proc/net/dev_snmp6").stdout
        self.assertTrue(OWN in text and "uplink" not in text and "veth_apart" not in text)


class Powerless(Shared):
    """What devices a zone has is decided outside: who has no CAP_NET_ADMIN over it changes nothing."""

    def setUp(self):
        super().setUp()
        wh.warren("add", ZONE)
        wh.warren("member", "add", ZONE, "alice")
        self.before = state()

    def try_all(self, do, tries=TRIES):
        for words in tries:
            with self.subTest(" ".join(words)):
                self.assertNotEqual(do(words).returncode, 0)
                self.assertEqual(state(), self.before)
        self.assertTrue(wh.ping(ZONE, wh.WORLD4))
        wh.warren("check")

    def test_root_of_the_host_could(self):
        """The attempts are in order: with CAP_NET_ADMIN the first ones do change something."""
        for words in TRIES[0], TRIES[4], TRIES[15]:
            self.assertEqual(inside(*words).returncode, 0)
        self.assertNotEqual(state(), self.before)

    def test_another_user(self):
        self.try_all(lambda words: inside(*words, options=["-u", "alice"]))

    def test_a_session(self):
        self.try_all(lambda words: self.ssh("alice", "PATH=$PATH:/usr/sbin:/sbin " + " ".join(words), check=False))

    def test_root_in_a_user_namespace_of_his_own(self):
        own = inside("unshare", "-Ur", "id", "-u", options=["-u", "alice"])
        if own.returncode:
            self.skipTest(f"no user namespaces for users here: {own.stderr.strip()}")
        self.assertEqual(own.stdout, "0\n")
        self.try_all(lambda words: inside("unshare", "-Ur", *words, options=["-u", "alice"]))

    def test_root_without_the_capability(self):
        """But for files below /proc/sys/net that root may write because they are his, as the kernel sees it."""
        drop = "--drop=cap_net_admin,cap_sys_admin,cap_sys_module"
        self.try_all(lambda words: inside("capsh", drop, "--", "-c", " ".join(words)),
                     [words for words in TRIES if "rp_filter" not in words[-1]])

    def test_nor_can_he_take_a_device_along(self):
        """Into a network namespace of his own, where he has every capability."""
        script = "unshare -Urn sleep 5 & sleep 0.3; ip link set veth_zone netns $!; code=$?; kill $!; exit $code"
        self.assertNotEqual(inside("sh", "-c", script, options=["-u", "alice"]).returncode, 0)
        self.assertEqual(state(), self.before)
        names = json.loads(inside("ip", "-j", "link").stdout)
        self.assertEqual(sorted(link["ifname"] for link in names), ["lo", OWN])


if __name__ == "__main__":
    wh.main()
