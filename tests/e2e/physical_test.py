# SPDX-License-Identifier: GPL-2.0-or-later
"""An interface of the host that moves into a space always comes back: name, addresses, up or down.

Here one end of a veth plays the NIC (--virtual); real ones are in tests/system/vm_devices_test.py.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from devices_test import Devices, dev, has  # noqa: E402

OWN = ["2001:db8:7::2/64", "192.0.2.2/24", "192.0.2.3/32"]


def nic(ns, name="nic0"):
    """What there is to come back: MAC, MTU, up, addresses but the link-local one."""
    link = json.loads(wh.run("ip", "-j", "address", "show", "dev", name, ns=ns).stdout)[0]
    addresses = {f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if not one["local"].startswith("fe80")}
    return link["address"], link["mtu"], "UP" in link["flags"], addresses


def make_nic():
    wh.run("ip", "link", "add", "nic0", "address", "02:11:22:33:44:55", "mtu", "1400", "type", "veth", "peer", "name", "cable",
           "netns", wh.OUTSIDE)
    wh.run("ip", "link", "set", "cable", "up", ns=wh.OUTSIDE)
    for address in OWN:
        wh.run("ip", "address", "add", address, "dev", "nic0", *(["nodad"] if ":" in address else []))
    wh.run("ip", "link", "set", "nic0", "up")


class Physical(Devices):
    def setUp(self):
        wh.warren("add", "fw", "--no-uplink")
        make_nic()
        self.addCleanup(lambda: wh.run("ip", "link", "delete", "cable", ns=wh.OUTSIDE, check=False))
        self.before = nic(wh.HOST)
        self.assertEqual(self.before, ("02:11:22:33:44:55", 1400, True, set(OWN)))

    def add(self, *more, **options):
        return dev("add", "fw", "--type", "physical", "--virtual", "--parent", "nic0", *more, **options)

    def assert_home(self, name="nic0"):
        self.assertEqual(nic(wh.HOST, name), self.before)


class Returns(Physical):
    def test_dev_rm(self):
        self.assertEqual(self.add("--ip", "192.0.2.77/24").stdout,
                         "fw: physical nic0 on nic0, 02:11:22:33:44:55, 192.0.2.77/24, up\n")
        self.assertFalse(has(wh.HOST, "nic0"))
        self.assertEqual(nic("fw"), ("02:11:22:33:44:55", 1400, True, {"192.0.2.77/24"}))
        self.assert_clean()
        dev("rm", "fw", "nic0")
        self.assert_home()
        self.assert_clean()

    def test_rm_down_and_up(self):
        self.add("--name", "wan", "--mac", "02:99:00:00:00:01")
        self.assertEqual(wh.mac_of("fw", "wan"), "02:99:00:00:00:01")
        wh.warren("down", "fw")
        self.assert_home()
        self.assert_clean()
        wh.warren("up", "fw")
        self.assertTrue(has("fw", "wan"))
        self.assert_clean()
        wh.warren("rm", "fw")
        self.assert_home()

    def test_one_that_was_down(self):
        wh.run("ip", "link", "set", "nic0", "down")
        wh.run("ip", "address", "flush", "dev", "nic0")
        self.before = nic(wh.HOST)
        self.add()
        self.assertTrue(nic("fw")[2])
        dev("rm", "fw", "nic0")
        self.assert_home()
        self.assertFalse(nic(wh.HOST)[2])

    def test_its_name_is_taken(self):
        self.add()
        wh.run("ip", "link", "add", "nic0", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "delete", "nic0")
        said = dev("rm", "fw", "nic0").stderr
        self.assertIn("nic0 of space fw comes back as nic0_1: the host has another nic0 by now", said)
        self.assert_home("nic0_1")

    def test_apply_takes_it_in_and_brings_it_back(self):
        self.add()
        text = wh.warren("export").stdout
        wh.warren("apply", "-", input=text.split("[[")[0])
        self.assert_home()
        wh.warren("apply", "-", input=text)
        self.assertTrue(has("fw", "nic0"))
        self.assert_clean()

    def test_processes_that_stay(self):
        """Whoever holds the namespace does not hold the NIC."""
        self.add()
        with wh.killed_after(wh.start("sleep", "60", ns="fw")):
            wh.warren("rm", "--force", "fw")
            self.assert_home()

    def test_renamed_by_a_guest(self):
        self.add("--ip", "192.0.2.77/24")
        wh.run("ip", "link", "set", "nic0", "down", ns="fw")
        wh.run("ip", "link", "set", "nic0", "name", "hidden", ns="fw")
        self.mend()
        self.assertEqual(nic("fw")[3], {"192.0.2.77/24"})
        wh.run("ip", "link", "set", "nic0", "down", ns="fw")
        wh.run("ip", "link", "set", "nic0", "name", "hidden", ns="fw")
        wh.warren("rm", "fw")
        self.assert_home()

    def test_destroyed_by_others(self):
        """A virtual one ends with its namespace, when that is not warren's doing: it is said, and taken in when it is there again."""
        self.add()
        wh.run("ip", "link", "delete", "nic0", ns="fw")
        self.assertIn("physical nic0 on nic0 is gone", self.faults())
        result = wh.warren("up", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no interface 'nic0' on the host; the kernel destroyed it", result.stderr)
        make_nic()
        self.mend()
        self.assertTrue(has("fw", "nic0"))
        wh.run("ip", "link", "delete", "nic0", ns="fw")
        self.assertIn("nic0 of space fw is gone", wh.warren("rm", "fw").stderr)

    def test_refusals(self):
        base = ("add", "fw", "--type", "physical", "--parent")
        self.refused(*base, "nic0", says="which the kernel destroys with a namespace; give --virtual")
        self.refused(*base, "uplink", "--virtual", says="it is the host's uplink")
        self.refused(*base, "lo", "--name", "x", says="it is the host's loopback")
        self.refused(*base, "nothing", code=1, says="there is no interface 'nothing'")
        self.refused(*base, "nic0", "--virtual", "--vlan", "7", says="a physical device has no VLAN ID")
        self.refused("add", "fw", "--type", "physical", says="a physical device needs a parent")
        wh.warren("add", "web1")
        self.refused(*base, "veth_web1_o", "--virtual", says="it is warren's own")
        dev("add", "web1", "--type", "macvlan", "--parent", "nic0")
        self.refused(*base, "nic0", "--virtual", code=1, says="nic0 is used by space web1, as macvlan eth1 on nic0")
        dev("rm", "web1", "eth1")
        wh.run("ip", "link", "add", "link", "nic0", "name", "upper", "type", "macvlan")
        self.refused(*base, "nic0", "--virtual", says="nic0 cannot go into a space: upper sits on it")
        wh.run("ip", "link", "delete", "upper")
        wh.run("ip", "link", "add", "br0", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "delete", "br0")
        wh.run("ip", "link", "set", "nic0", "master", "br0")
        self.refused(*base, "nic0", "--virtual", says="it is a port of a bridge or bond")
        wh.run("ip", "link", "set", "nic0", "nomaster")
        self.add()
        self.refused("add", "web1", "--type", "physical", "--parent", "nic0", code=1, says="nic0 is used by space fw")


if __name__ == "__main__":
    wh.main()
