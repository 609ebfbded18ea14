# SPDX-License-Identifier: GPL-2.0-or-later
"""An interface of the host that moves into a space always comes back: name, addresses, up or down.

Here one end of a veth plays the NIC (--virtual); real ones are in tests/system/vm_devices_test.py.
"""

import json
import pathlib
import shutil
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

    def test_another_has_its_name_when_it_is_wanted_again(self):
        """What is taken in is what was in the space before, not whatever is called so by now."""
        self.add()
        wh.run("ip", "link", "add", "nic0", "type", "bridge")
        wh.warren("down", "fw")
        says = "nic0 of space fw is called nic0_1 (02:11:22:33:44:55) on the host by now, and another nic0"
        for others in ("bridge",), ("veth", "peer", "name", "p"):
            wh.run("ip", "link", "delete", "nic0")
            wh.run("ip", "link", "add", "nic0", "type", *others)
            refused = wh.warren("up", "fw", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(says, refused.stderr)
            self.assertTrue(has(wh.HOST, "nic0") and has(wh.HOST, "nic0_1"))
        wh.run("ip", "link", "delete", "nic0")
        wh.run("ip", "link", "set", "nic0_1", "down")
        wh.run("ip", "link", "set", "nic0_1", "name", "nic0", "up")
        self.mend()
        self.assertTrue(has("fw", "nic0"))

    def test_it_became_the_uplink(self):
        self.add()
        wh.warren("down", "fw")
        wh.run("ip", "route", "replace", "default", "via", "192.0.2.1", "dev", "nic0")
        self.addCleanup(wh.run, "ip", "route", "replace", "default", "via", wh.OUTSIDE4, "dev", "uplink")
        refused = wh.warren("up", "fw", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("nic0 cannot go into a space: it is the host's uplink", refused.stderr)
        self.assert_home()

    def test_something_came_to_sit_on_it(self):
        self.add()
        wh.warren("down", "fw")
        wh.run("ip", "link", "add", "link", "nic0", "name", "upper", "type", "macvlan")
        self.assertIn("upper sits on it", wh.warren("up", "fw", check=False).stderr)
        wh.run("ip", "link", "delete", "upper")
        wh.warren("add", "web1", "--no-uplink")
        dev("add", "web1", "--type", "macvlan", "--parent", "nic0")
        self.assertIn("nic0 is used by space web1", wh.warren("up", "fw", check=False).stderr)
        dev("rm", "web1", "eth1")
        self.mend()
        self.assertTrue(has("fw", "nic0"))

    def test_addresses_are_what_they_were(self):
        """Far ends and broadcast addresses too; what ends by itself is its server's to give again."""
        for words in ("10.9.9.1", "peer", "10.9.9.2/32"), ("192.0.2.50/24", "brd", "+"), ("10.8.0.1/24", "scope", "link"), \
                ("192.0.2.51/24", "noprefixroute"):
            wh.run("ip", "address", "add", *words, "dev", "nic0")
        lasting = self.lines()
        wh.run("ip", "address", "add", "10.7.0.1/24", "dev", "nic0", "valid_lft", "600", "preferred_lft", "300")
        wh.run("ip", "address", "add", "2001:db8:6::5/64", "dev", "nic0", "valid_lft", "600", "preferred_lft", "300")
        self.add()
        dev("rm", "fw", "nic0")
        self.assertEqual(self.lines(), lasting)

    def lines(self):
        """As `ip` writes them, whichever came first."""
        text = wh.run("ip", "-o", "address", "show", "dev", "nic0").stdout
        return {line.split(None, 2)[2].replace("secondary ", "") for line in text.splitlines() if "fe80" not in line}

    def test_add_that_fails_and_cannot_be_undone(self):
        """What is known of it is not forgotten: the next `up` makes it what it was."""
        pathlib.Path("/run/warren/dhcp").write_text("in the way")
        self.addCleanup(pathlib.Path("/run/warren/dhcp").unlink)
        wh.run("sysctl", "-w", "net.ipv6.conf.default.disable_ipv6=1")
        self.addCleanup(wh.run, "sysctl", "-w", "net.ipv6.conf.default.disable_ipv6=0")
        refused = self.add("--dhcp", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("/run/warren/dhcp", refused.stderr)
        self.assertIn("; it is not undone: device nic0: add the address", refused.stderr)
        wh.run("sysctl", "-w", "net.ipv6.conf.nic0.disable_ipv6=0")
        self.mend()
        self.assert_home()
        self.assertEqual(wh.warren("dev", "ls", json=True), [])

    def test_hooks_are_told_the_mac_that_it_has(self):
        for event in "dev-add", "dev-rm":
            hook = pathlib.Path("/etc/warren/hooks.d", event, "10-test")
            hook.parent.mkdir(parents=True)
            hook.write_text("#!/bin/sh\necho $WARREN_EVENT $WARREN_DEVICE_MAC >> /run/told\n")
            hook.chmod(0o755)
            self.addCleanup(shutil.rmtree, hook.parents[0])
        told = pathlib.Path("/run/told")
        self.addCleanup(told.unlink)
        self.add()
        dev("rm", "fw", "nic0")
        self.add("--mac", "02:99:00:00:00:01")
        dev("rm", "fw", "nic0")
        self.assertEqual(told.read_text().splitlines(), [
            f"{event} {mac}" for mac in ("02:11:22:33:44:55", "02:99:00:00:00:01") for event in ("dev-add", "dev-rm")])

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
