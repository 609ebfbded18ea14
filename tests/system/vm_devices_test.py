# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices on the kernels that Debian ships: VLANs, ipvlan, and real NICs, which come back whatever ends their space.

run.sh gives the machine two virtio NICs that are wired to each other, and to nothing else: eth0 is the host's side, eth1
goes to a namespace `far` with a VLAN 100 of its own, which plays the switch and what is behind it.
"""

import json
import pathlib
import signal
import time
import unittest

import story
import systemhost as sh
import warrenhost as wh
from userns import as_tenant, tenant

NICS = [path.name for path in sorted(pathlib.Path("/sys/class/net").glob("eth*"))]
FAR, FAR_VLAN = "192.0.2.1", "198.18.0.1"


def dev(*args, **options):
    return wh.warren("dev", *args, **options)


def serves(ns, address, source):
    with wh.serve(ns, 8080):
        return wh.wait_until(lambda: wh.connect(source, address, 8080, timeout=5))


def nic(ns, name):
    link = json.loads(wh.run("ip", "-j", "address", "show", "dev", name, ns=ns).stdout)[0]
    addresses = {f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if not one["local"].startswith("fe80")}
    return link["address"], link["mtu"], "UP" in link["flags"], addresses


def has(ns, name):
    return wh.run("ip", "link", "show", "dev", name, ns=ns, check=False).returncode == 0


@unittest.skipUnless(len(NICS) == 2, f"needs two NICs: {NICS}")
class Devices(story.Story, sh.SystemTest):
    boot = 1

    def step_wires(self):
        wh.run("ip", "netns", "add", "far")
        wh.run("ip", "link", "set", "eth1", "netns", "far")
        for words in (("link", "set", "eth1", "up"), ("address", "add", f"{FAR}/24", "dev", "eth1"),
                      ("link", "add", "link", "eth1", "name", "v100", "type", "vlan", "id", "100"),
                      ("address", "add", f"{FAR_VLAN}/24", "dev", "v100"), ("link", "set", "v100", "up")):
            wh.run("ip", *words, ns="far")
        wh.run("ip", "link", "set", "eth0", "up")

    def step_doctor_finds_all_kinds(self):
        found = [one["what"] for one in wh.warren("doctor", json=True, check=False)["findings"] if one["topic"] == "devices"]
        self.assertEqual(found, ["kernel has macvlan, ipvlan and vlan"])

    def step_a_space_on_its_vlan_alone(self):
        wh.warren("add", "fw", "--no-uplink")
        dev("add", "fw", "--type", "vlan", "--parent", "eth0", "--vlan", "100", "--ip", "198.18.0.2/24", "--gateway", FAR_VLAN)
        self.assertClean()
        self.assertEqual(wh.mac_of("fw", "vlan100"), "02:00:64:00:02:01")
        got = serves("fw", "198.18.0.2", "far")
        self.assertEqual(got and got.server, "fw")
        self.assertIsNotNone(serves("far", FAR_VLAN, "fw"))
        twice = dev("add", "fw", "--type", "vlan", "--parent", "eth0", "--vlan", "100", "--name", "again", check=False)
        self.assertIn("for several spaces in one VLAN use `--type macvlan --vlan 100`", twice.stderr)
        wh.run("ip", "link", "delete", "vlan100", ns="fw")
        self.assertEqual(wh.warren("check", check=False).returncode, 3)
        wh.warren("up")
        self.assertClean()
        wh.warren("down", "fw")
        wh.warren("up", "fw")
        self.assertClean()
        self.assertIsNotNone(serves("fw", "198.18.0.2", "far"))
        wh.warren("rm", "fw")
        wh.run("ip", "link", "add", "link", "eth0", "name", "own", "type", "vlan", "id", "101")
        wh.warren("add", "fw", "--no-uplink")
        for kind, says in ("vlan", "is own of the host"), ("macvlan", "has another name on the host"):
            refused = dev("add", "fw", "--type", kind, "--parent", "eth0", "--vlan", "101", check=False)
            self.assertIn(says, refused.stderr)
        wh.warren("rm", "fw")
        wh.run("ip", "link", "delete", "own")

    def step_several_spaces_in_one_vlan(self):
        for name, ip in ("zone1", "198.18.0.11"), ("zone2", "198.18.0.12"):
            wh.warren("add", name, "--no-uplink")
            dev("add", name, "--type", "macvlan", "--parent", "eth0", "--vlan", "100", "--ip", f"{ip}/24")
        self.assertTrue(has(wh.HOST, "eth0.100"))
        self.assertClean()
        self.assertIsNotNone(serves("zone1", "198.18.0.11", "far"))
        self.assertIsNotNone(serves("zone1", "198.18.0.11", "zone2"))
        wh.warren("rm", "zone1")
        self.assertTrue(has(wh.HOST, "eth0.100"))
        self.assertIsNotNone(serves("zone2", "198.18.0.12", "far"))
        wh.warren("rm", "zone2")
        self.assertFalse(has(wh.HOST, "eth0.100"))

    def step_a_vlan_that_others_sit_on(self):
        """One that another device, or a link of the host, has as its parent stays, as the host's own."""
        wh.warren("add", "zone1", "--no-uplink")
        wh.warren("add", "zone2", "--no-uplink")
        dev("add", "zone1", "--type", "macvlan", "--parent", "eth0", "--vlan", "100")
        dev("add", "zone2", "--type", "macvlan", "--parent", "eth0.100", "--ip", "198.18.0.12/24")
        self.assertIn("eth0.100 stays on the host", dev("rm", "zone1", "eth1").stderr)
        self.assertClean()
        self.assertIsNotNone(serves("zone2", "198.18.0.12", "far"))
        wh.warren("rm", "zone2")
        wh.run("ip", "link", "delete", "eth0.100")
        dev("add", "zone1", "--type", "macvlan", "--parent", "eth0", "--vlan", "100")
        wh.run("ip", "link", "add", "link", "eth0.100", "name", "above", "type", "macvlan", "mode", "bridge")
        self.assertIn("eth0.100 stays on the host", dev("rm", "zone1", "eth1").stderr)
        self.assertTrue(has(wh.HOST, "above"))
        wh.run("ip", "link", "delete", "eth0.100")
        wh.warren("rm", "zone1")

    def step_ipvlan(self):
        wh.warren("add", "web1", "--no-uplink")
        for mode in "l2", "l3", "l3s":
            dev("add", "web1", "--type", "ipvlan", "--parent", "eth0", "--mode", mode, "--ip", "192.0.2.9/24")
            self.assertClean()
            self.assertEqual(wh.mac_of("web1", "eth1"), wh.mac_of(wh.HOST, "eth0"))
            if mode == "l2":
                self.assertIsNotNone(serves("web1", "192.0.2.9", "far"))
            wh.run("ip", "link", "delete", "eth1", ns="web1")
            wh.warren("up")
            self.assertClean()
            dev("rm", "web1", "eth1")
        wh.warren("rm", "web1")

    def step_a_nic_moves_in_and_comes_back(self):
        wh.run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
        before = nic(wh.HOST, "eth0")
        wh.warren("add", "web1")
        dev("add", "web1", "--type", "physical", "--parent", "eth0", "--name", "wan", "--ip", "192.0.2.5/24")
        self.assertClean()
        self.assertFalse(has(wh.HOST, "eth0"))
        self.assertIsNotNone(serves("web1", "192.0.2.5", "far"))
        dev("rm", "web1", "wan")
        self.assertEqual(nic(wh.HOST, "eth0"), before)
        dev("add", "web1", "--type", "physical", "--parent", "eth0", "--name", "wan")
        wh.warren("down", "web1")
        self.assertEqual(nic(wh.HOST, "eth0"), before)
        wh.warren("up", "web1")
        wh.warren("rm", "web1")
        self.assertEqual(nic(wh.HOST, "eth0"), before)

    def step_the_kernel_sends_it_home(self):
        """The namespace ends without warren: the kernel moves a real NIC to the host, bare; warren makes it what it was."""
        before = nic(wh.HOST, "eth0")
        wh.warren("add", "web1")
        dev("add", "web1", "--type", "physical", "--parent", "eth0", "--name", "wan")
        wh.warren("-o", "json", "check")
        wh.run("ip", "netns", "delete", "web1")
        wh.run("ip", "link", "delete", "veth_web1_o", check=False)
        self.assertTrue(wh.wait_until(lambda: has(wh.HOST, "wan")))
        wh.warren("up")
        self.assertClean()
        self.assertTrue(has("web1", "wan"))
        wh.run("ip", "netns", "delete", "web1")
        wh.run("ip", "link", "delete", "veth_web1_o", check=False)
        self.assertTrue(wh.wait_until(lambda: has(wh.HOST, "wan")))
        wh.warren("rm", "web1")
        self.assertEqual(nic(wh.HOST, "eth0"), before)

    def step_a_killed_warren(self):
        before = nic(wh.HOST, "eth0")
        wh.warren("add", "web1")
        for delay in 0.05, 0.1, 0.2, 0.4:
            process = wh.start(wh.WARREN, "dev", "add", "web1", "--type", "physical", "--parent", "eth0")
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
            wh.warren("up")
            self.assertClean()
            if wh.warren("dev", "ls", json=True):
                dev("rm", "web1", "eth0")
            self.assertEqual(nic(wh.HOST, "eth0"), before)
        wh.warren("rm", "web1")

    def step_in_the_hands_of_a_tenant(self):
        """Another with its name and its MAC does not come in its place; one that is hidden is not forgotten."""
        before, more = nic(wh.HOST, "eth0"), self.more()
        wh.warren("id", "allocate", "web1")
        wh.warren("add", "web1")
        wh.warren("map", "assign", "web1", "--owner", "web1")
        wh.warren("down", "web1")
        wh.warren("up", "web1")
        dev("add", "web1", "--type", "physical", "--parent", "eth0")
        as_tenant("web1", f"""ip link set eth0 down; ip link set eth0 name real; ip link set real address 02:00:00:00:00:99
                              ip link set real group 30562; ip link property add dev real altname lo0
                              ip link add eth0 address {before[0]} type veth peer name evil""")
        dev("rm", "web1", "eth0")
        self.assertEqual(nic(wh.HOST, "eth0"), before)
        self.assertEqual(self.more(), more)
        as_tenant("web1", "ip link delete eth0")
        dev("add", "web1", "--type", "physical", "--parent", "eth0")
        holder = tenant("web1", "/usr/bin/unshare", "-n", "/bin/sh", "-c", "echo; read word")
        with wh.killed_after(holder):
            self.addCleanup(lambda: [pipe.close() for pipe in (holder.stdin, holder.stdout, holder.stderr)])
            holder.stdout.readline()
            as_tenant("web1", f"ip link set eth0 netns {holder.pid}")
            for command in ("dev", "rm", "web1", "eth0"), ("up",):
                refused = wh.warren(*command, check=False)
                self.assertEqual(refused.returncode, 1)
                self.assertIn("eth0 of space web1 is nowhere to be found", refused.stderr)
        self.assertTrue(wh.wait_until(lambda: has(wh.HOST, "eth0")), "the kernel sends it home")
        wh.warren("up")
        self.assertClean()
        self.assertEqual((nic(wh.HOST, "eth0"), wh.warren("dev", "ls", json=True)), (before, []))
        wh.warren("rm", "web1")

    def more(self):
        link = wh.link(wh.HOST, "eth0")
        return link["group"], link.get("altnames"), link.get("linkinfo")


if __name__ == "__main__":
    sh.main()
