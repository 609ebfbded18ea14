# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of spaces whose tenants set up the network themselves: what is taken away is gone, whatever they made of it."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402
from devices_test import GUEST, Devices, dev, has  # noqa: E402

AWAY = "ip link set eth1 down; ip link set eth1 name mine address 02:00:00:00:66:66; ip link set mine up"


class Tenants(Devices):
    def setUp(self):
        wh.warren("add", "fw", "--no-uplink")
        guests.own_map("fw")
        self.addCleanup(lambda: [wh.warren(*words, check=False) for words in
                                 (("rm", "--force", "fw"), ("map", "rm", "fw"), ("id", "free", "fw"))])

    def add(self, *more):
        return dev("add", "fw", "--type", "macvlan", "--parent", "uplink", *more)

    def uppers(self):
        """The names of all inside that sit on an interface of the host."""
        return [one["ifname"] for one in json.loads(wh.run("ip", "-j", "-d", "link", ns="fw").stdout)
                if one.get("linkinfo", {}).get("info_kind") == "macvlan"]


class Revoked(Tenants):
    def test_under_another_name_and_mac(self):
        self.add("--ip", f"{GUEST}/24")
        guests.script("fw", AWAY + "; ip link add link mine name more type macvlan mode bridge")
        self.assertEqual(sorted(self.uppers()), ["mine", "more"])
        self.assertEqual(dev("rm", "fw", "eth1").stderr, "")
        self.assertEqual(self.uppers(), [])
        self.assert_clean()

    def test_mending_makes_no_more_of_them(self):
        self.add("--ip", f"{GUEST}/24")
        for _ in range(3):
            guests.script("fw", AWAY)
            self.assertIn("macvlan eth1 on uplink is gone", self.faults())
            self.mend()
            self.assertEqual(self.uppers(), ["eth1"])

    def test_another_device_of_the_parent_stays(self):
        for ip in "20", "21":
            self.add("--ip", f"203.0.113.{ip}/24")
        index = wh.link("fw", "eth2")["ifindex"]
        guests.script("fw", AWAY)
        dev("rm", "fw", "eth1")
        self.assertEqual((self.uppers(), wh.link("fw", "eth2")["ifindex"]), (["eth2"], index))
        self.assert_clean()

    def test_with_the_name_of_another_in_its_place(self):
        """As many are left as there should be, and they are mended."""
        for ip in "20", "21":
            self.add("--ip", f"203.0.113.{ip}/24")
        guests.script("fw", "ip link set eth1 down; ip link set eth2 down; ip link set eth2 name x;"
                            "ip link set eth1 name eth2; ip link set x name eth1")
        dev("rm", "fw", "eth1")
        self.mend()
        self.assertEqual(self.uppers(), ["eth2"])
        self.assertEqual(wh.mac_of("fw", "eth2"), "02:00:00:00:02:02")

    def test_one_that_is_nowhere_is_said(self):
        self.add("--ip", f"{GUEST}/24")
        guests.script("fw", "ip link delete eth1")
        self.assertIn("if its tenant moved it to a network namespace of his own", dev("rm", "fw", "eth1").stderr)
        self.assertEqual(wh.warren("dev", "ls", json=True), [])

    def test_a_likeness_is_none(self):
        """What has the name, the MAC and a parent of that index, but not on the host, is not the device."""
        self.add("--ip", f"{GUEST}/24")
        parent = wh.link(wh.HOST, "uplink")["ifindex"]
        guests.script("fw", "ip link delete eth1;"
                            f"ip link add name v index {parent} type bridge; ip link set v up;"
                            "ip link add link v name eth1 address 02:00:00:00:02:01 type macvlan mode bridge;"
                            f"ip address add {GUEST}/24 dev eth1; ip link set eth1 up")
        self.assertIn("macvlan eth1 on uplink is gone", self.faults())


class Operators(Devices):
    """Where the operator alone sets up the network, what he puts there by hand is his."""

    def test_what_is_not_the_devices_stays(self):
        wh.warren("add", "fw", "--no-uplink")
        dev("add", "fw", "--type", "macvlan", "--parent", "uplink", "--ip", f"{GUEST}/24")
        wh.run("ip", "link", "add", "link", "uplink", "name", "byhand", "netns", "fw", "type", "macvlan", "mode", "bridge")
        dev("rm", "fw", "eth1")
        self.assertEqual((has("fw", "eth1"), has("fw", "byhand")), (False, True))


if __name__ == "__main__":
    wh.main()
