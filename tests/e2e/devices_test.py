# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices: macvlan, veth, and spaces that live on them alone. What this kernel lacks is refused in one line."""

import json
import os
import pathlib
import re
import select
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import rtnl  # noqa: E402
import warrenhost as wh  # noqa: E402

FOUND, USAGE = 3, 2
GUEST = "203.0.113.20"
MAC = "02:00:00:00:02:01"  # VLAN 0, space 2, index 1


def dev(*args, **options):
    return wh.warren("dev", *args, **options)


def has(ns, name):
    return any(name in (one.ifname, *one.altnames) for one in rtnl.links(ns))


def kernel_has(*kind):
    """Can this kernel make such a link? Tried in the namespace of outside."""
    made = wh.run("ip", "link", "add", "link", "eth0", "name", "probe", "type", *kind, ns=wh.OUTSIDE, check=False)
    wh.run("ip", "link", "delete", "probe", ns=wh.OUTSIDE, check=False)
    return made.returncode == 0


class Devices(wh.HostTest):
    def tearDown(self):
        super().tearDown()
        hoststate.restore_store({})  # the next one begins at number 2

    def assert_clean(self):
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (0, "all is as it should be\n"))

    def faults(self):
        found = wh.warren("check", check=False)
        self.assertEqual(found.returncode, FOUND, found.stdout)
        return found.stdout

    def mend(self):
        wh.warren("up")
        self.assert_clean()

    def refused(self, *args, code=USAGE, says):
        """Refused in one line, and nothing has changed."""
        before = hoststate.everything()
        result = dev(*args, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn(says, result.stderr)
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})

    def serves(self, ns, address, source=wh.OUTSIDE):
        with wh.serve(ns, 8080):
            return wh.wait_until(lambda: wh.connect(source, address, 8080, timeout=1))

    def silent(self, ns, address, source):
        with wh.serve(ns, 8080):
            return wh.connect(source, address, 8080, timeout=wh.SILENCE) is None


class Macvlan(Devices):
    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080")

    def add(self, *more):
        return dev("add", "web1", "--type", "macvlan", "--parent", "uplink", "--ip", f"{GUEST}/24", *more)

    def test_is_reached_in_the_segment(self):
        with wh.serve("web1", 8080), wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000) as line:
            wh.read_reply(line)
            said = self.add()
            self.assertEqual(said.stdout, f"web1: macvlan eth1 on uplink, {MAC}, {GUEST}/24, up\n")
            self.assertIn("do not reach each other", said.stderr)
            self.assertEqual(wh.connect(wh.OUTSIDE, GUEST, 8080).server, "web1")
            self.assert_clean()
            dev("rm", "web1", "eth1")
            self.assertTrue(wh.echoes(line), "the connection through the uplink broke")
        self.assertFalse(has("web1", "eth1"))
        self.assert_clean()

    def test_mac_is_given_in_the_message_that_creates_it(self):
        """Whoever listens sees it with its MAC at once: there is nothing for udev to change."""
        with wh.killed_after(wh.start("ip", "-d", "monitor", "link", ns="web1", stdout=-1, text=True)) as monitor:
            self.addCleanup(monitor.stdout.close)
            self.listens(monitor.stdout)
            self.add()
            wh.run("ip", "link", "add", "last", "type", "veth", "peer", "name", "tsal", ns="web1")
            seen = []  # an entry is a line with the name, and one with the MAC
            while not any(" last@" in line for line in seen):
                seen.append(monitor.stdout.readline())
            entries = re.findall(r"^(?:Deleted )?\d+: (\w+)@.*\n\s+link/ether (\S+)", "".join(seen), re.MULTILINE)
            macs = [mac for name, mac in entries if name == "eth1"]
            wh.run("ip", "link", "delete", "last", ns="web1")
        self.assertEqual(set(macs), {MAC})

    @staticmethod
    def listens(lines):
        """Waits until who prints them does listen: each try is a link that comes and goes."""
        def told():
            wh.run("sh", "-c", "ip link add probe type veth peer name eborp && ip link delete probe", ns="web1")
            return select.select([lines], [], [], 0.1)[0]
        assert wh.wait_until(told), "ip monitor says nothing"

    def test_comes_again(self):
        self.add("--gateway", wh.OUTSIDE4, "--mode", "private", "--name", "lan0", "--mac", "02:aa:bb:cc:dd:ee")
        before = wh.warren("dev", "ls", json=True)
        self.assertEqual((before[0]["mode"], before[0]["mac"], before[0]["device"]),
                         ("private", "02:aa:bb:cc:dd:ee", "lan0"))
        wh.warren("down", "web1")
        self.assert_clean()
        wh.warren("up", "web1")
        self.assert_clean()
        self.assertEqual(wh.warren("dev", "ls", json=True), before)
        self.assertIn(f"default via {wh.OUTSIDE4} dev lan0", wh.run("ip", "route", ns="web1").stdout)
        self.assertIsNotNone(self.serves("web1", GUEST))

    def test_faults_are_named_and_mended(self):
        self.add("--gateway", wh.OUTSIDE4)
        for words, fault in ((("link", "delete", "eth1"), "macvlan eth1 on uplink is gone"),
                             (("address", "flush", "dev", "eth1"), "eth1 does not have all its addresses"),
                             (("link", "set", "eth1", "down"), "eth1 is not up"),
                             (("link", "set", "eth1", "address", "02:00:00:00:00:99"), f"eth1 does not have MAC {MAC}"),
                             (("route", "delete", "default", "dev", "eth1"), "there is no default route by eth1"),
                             (("link", "set", "eth1", "type", "macvlan", "mode", "vepa"), "macvlan eth1 on uplink is gone")):
            with self.subTest(fault=fault):
                wh.run("ip", *words, ns="web1")
                self.assertIn(fault, self.faults())
                self.mend()
        wh.run("ip", "netns", "delete", "web1")
        self.mend()
        self.assertIsNotNone(self.serves("web1", GUEST))

    def test_host_shim(self):
        self.add()
        self.assertTrue(self.silent("web1", GUEST, wh.HOST))
        dev("rm", "web1", "eth1")
        self.assertEqual(self.add("--host-shim").stderr, "")
        self.assertIsNotNone(self.serves("web1", GUEST, wh.HOST))
        with wh.serve(wh.HOST, 8081):
            self.assertIsNotNone(wh.connect("web1", wh.UPLINK4, 8081))
        wh.run("ip", "link", "delete", "shim_2_1")
        self.assertIn("shim_2_1 is gone", self.faults())
        self.mend()
        dev("rm", "web1", "eth1")
        self.assertFalse(has(wh.HOST, "shim_2_1"))

    def test_whose_addresses_are_whose(self):
        """One of a space, of the pool, of the host, or of another on the same parent is refused, and taken from nobody."""
        wh.warren("add", "fw", "--no-uplink")
        routes = wh.run("ip", "route").stdout
        self.add()
        base = ("add", "fw", "--type", "macvlan", "--parent", "uplink")
        pool = wh.warren("show", "web1", json=True)
        for more, says in ((("--ip", f"{pool['ipv4']}/24", "--host-shim"), "of warren's own pool 100.64.0.0/16"),
                           (("--ip", f"{pool['ipv6']}/64"), "of warren's own pool"), (("--ip", "100.64.0.1/32"), "own pool"),
                           (("--ip", f"{wh.UPLINK4}/24"), "is the host's own"),
                           (("--ip", f"{wh.UPLINK6}/64"), "is the host's own"), (("--ip", f"{GUEST}/24"), "is eth1 of space web1's")):
            with self.subTest(more=more):
                self.refused(*base, *more, code=1, says=says)
        self.assertEqual(wh.run("ip", "route").stdout, routes)

    def test_a_shim_takes_no_route_of_others(self):
        wh.run("ip", "route", "add", f"{GUEST}/32", "via", wh.OUTSIDE4)
        self.addCleanup(wh.run, "ip", "route", "delete", f"{GUEST}/32")
        base = ("add", "web1", "--type", "macvlan", "--parent", "uplink", "--host-shim", "--ip", f"{GUEST}/24")
        self.refused(*base, code=1, says="the host has a route to an address of eth1 already")

    def test_refusals(self):
        base = ("add", "web1", "--type", "macvlan", "--parent", "uplink")
        for more, says in ((("--mode", "l2"), "is not one of a macvlan"), (("--ip", "300.1.1.1/24"), "ADDRESS/PREFIX"),
                           (("--ip", "192.0.2.5/33"), "prefix must be 1 to 32"), (("--mac", "02:00"), "is no MAC"),
                           (("--mac", "01:00:00:00:00:01"), "first byte must be even"),
                           (("--gateway", "192.0.2.1"), "needs an address of its family"),
                           (("--ip", "192.0.2.5/24", "--gateway", "192.0.2.5"), "is no other host"),
                           (("--ip", "192.0.2.5/24", "--ip", "192.0.2.5/32"), "given twice"),
                           (("--host-shim",), "needs an IPv4 address"), (("--name", "lo"), "every space's own"),
                           (("--name", "a/b"), "cannot name an interface"), (("--vlan", "4095"), "is no VLAN ID"),
                           (("--virtual",), "only a physical device"),
                           (("--host-shim", "--mode", "vepa", "--ip", "192.0.2.5/24"), "needs mode bridge")):
            with self.subTest(more=more):
                self.refused(*base, *more, says=says)
        self.refused(*base[:-1], "nothing", code=1, says="there is no interface 'nothing'")
        self.refused(*base, "--name", "veth_web1", code=1, says="is the uplink of space web1")
        self.refused("add", "web1", "--type", "macvlan", says="needs a parent")
        self.refused("add", "nobody", "--type", "macvlan", "--parent", "uplink", code=1, says="there is no space 'nobody'")
        self.refused("rm", "web1", "eth9", code=1, says="has no device 'eth9'")
        self.add()
        self.refused(*base, "--name", "eth1", code=1, says="has a device eth1 already")
        wh.run("ip", "link", "add", "mine", "type", "veth", "peer", "name", "eth5", "netns", "web1")
        self.addCleanup(wh.run, "ip", "link", "delete", "mine", check=False)
        self.refused(*base, "--name", "eth5", code=1, says="another interface eth5 inside already")

    def test_a_parent_that_is_down(self):
        wh.run("ip", "link", "add", "idle", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "delete", "idle")
        self.refused("add", "web1", "--type", "macvlan", "--parent", "idle", code=1, says="`ip link set idle up` first")

    def test_kinds_that_the_kernel_lacks(self):
        advice = [one["what"] for one in wh.warren("doctor", json=True, check=False)["findings"] if one["topic"] == "devices"]
        for kind, probe in ("vlan", ("vlan", "id", "7")), ("ipvlan", ("ipvlan",)):
            with self.subTest(kind=kind):
                if kernel_has(*probe):
                    self.skipTest(f"this kernel has {kind}: tests/system/vm_devices_test.py tests it")
                more = ("--vlan", "7") if kind == "vlan" else ()
                self.refused("add", "web1", "--type", kind, "--parent", "uplink", *more, code=1, says=f"kernel lacks {kind}")
                self.assertTrue(any(f"kernel lacks {kind}" in line for line in advice), advice)
        if not kernel_has("vlan", "id", "7"):
            self.refused("add", "web1", "--type", "macvlan", "--parent", "uplink", "--vlan", "7", code=1,
                         says="kernel lacks vlan")

    def test_told_of_everywhere(self):
        self.add()
        self.assertIn(f"device      macvlan eth1 on uplink, {MAC}, {GUEST}/24, up", wh.warren("show", "web1").stdout)
        self.assertEqual(wh.warren("show", "web1", json=True)["devices"], wh.warren("dev", "ls", "web1", json=True))
        self.assertIn(f"{GUEST} is space web1's", wh.warren("explain", GUEST).stdout)
        self.assertIn("device macvlan eth1", wh.warren("explain", "web1").stdout)
        self.assertIn("macvlan", dev("ls").stdout)

    def test_a_guest_changes_nothing(self):
        """What the devices are is decided outside: without CAP_NET_ADMIN over the space it is only looked at."""
        self.add()
        for words in (("link", "set", "eth1", "down"), ("address", "add", "203.0.113.99/24", "dev", "eth1"),
                      ("link", "delete", "eth1"), ("route", "add", "default", "dev", "eth1")):
            result = wh.run("setpriv", "--reuid", "65534", "--clear-groups", "ip", *words, ns="web1", check=False)
            self.assertNotEqual(result.returncode, 0)
        self.assert_clean()


class Veth(Devices):
    def setUp(self):
        wh.warren("add", "web1")

    def test_on_a_bridge(self):
        wh.run("ip", "link", "add", "br0", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "delete", "br0")
        wh.run("ip", "address", "add", "192.0.2.1/24", "dev", "br0")
        wh.run("ip", "link", "set", "br0", "up", "mtu", "9000")
        wh.warren("add", "web2")
        for space, ip in ("web1", "192.0.2.2"), ("web2", "192.0.2.3"):
            dev("add", space, "--type", "veth", "--parent", "br0", "--ip", f"{ip}/24")
        self.assert_clean()
        self.assertEqual(wh.link(wh.HOST, "br0")["mtu"], 9000, "a port of a smaller MTU lowers the bridge's")
        self.assertIsNotNone(self.serves("web1", "192.0.2.2", "web2"))
        self.assertIsNotNone(self.serves("web1", "192.0.2.2", wh.HOST))
        self.assertEqual((wh.mac_of("web1", "eth1"), wh.mac_of(wh.HOST, "veth_2_o1")), (MAC, "02:00:00:00:02:81"))
        for words, fault in ((("link", "set", "veth_2_o1", "nomaster"), "veth_2_o1 is gone, down, or not where"),
                             (("link", "set", "veth_2_o1", "down"), "veth_2_o1 is gone, down, or not where"),
                             (("link", "delete", "veth_2_o1"), "veth eth1 on br0 is gone")):
            wh.run("ip", *words)
            self.assertIn(fault, self.faults())
            self.mend()
        wh.warren("rm", "web1")
        self.assertFalse(has(wh.HOST, "veth_2_o1"))
        self.refused("add", "web2", "--type", "veth", "--parent", "uplink", says="is no bridge")

    def test_alone_on_the_host(self):
        dev("add", "web1", "--type", "veth", "--ip", "192.0.2.2/24", "--name", "side")
        wh.run("ip", "address", "add", "192.0.2.1/24", "dev", "veth_2_o1")
        self.assert_clean()
        self.assertIsNotNone(self.serves("web1", "192.0.2.2", wh.HOST))
        self.refused("add", "web1", "--type", "veth", "--vlan", "5", says="has no VLAN ID")


class NoUplink(Devices):
    def add(self):
        wh.warren("add", "fw", "--no-uplink")
        dev("add", "fw", "--type", "macvlan", "--parent", "uplink", "--ip", f"{GUEST}/24", "--gateway", wh.OUTSIDE4)

    def test_lives_on_its_devices_alone(self):
        before = wh.interface_of(wh.HOST)
        self.add()
        self.assert_clean()
        names = [one["ifname"] for one in json.loads(wh.run("ip", "-j", "link", ns="fw").stdout)]
        self.assertEqual((names, wh.interface_of(wh.HOST)), (["lo", "eth1"], before))
        self.assertIsNotNone(self.serves("fw", GUEST))
        with wh.serve(wh.OUTSIDE, 80):
            self.assertEqual(wh.connect("fw", wh.WORLD4, 80).peer, GUEST)
        space = wh.warren("show", "fw", json=True)
        self.assertEqual((space["state"], space["uplink"], space["ipv4"], space["host_interface"]), ("up", False, None, None))
        for command in "show", "explain", "plan":
            self.assertIn("devices alone", wh.warren(command, "fw").stdout)
        wh.warren("exec", "fw", "--", "true")

    def test_nobody_else_becomes_its_namespace(self):
        """While it has none, anybody can make one with a device of this name and MAC."""
        self.add()
        mac = wh.mac_of("fw", "eth1")
        wh.warren("down", "fw")
        with wh.decoy(f"ip link add v type veth peer name w; ip link add eth1 link v address {mac} type macvlan") as decoy:
            wh.warren("up", "fw")
            self.assertNotEqual(os.stat("/run/netns/fw").st_ino, decoy)
            self.assertIsNotNone(self.serves("fw", GUEST))

    def test_forwards_are_refused(self):
        wh.warren("add", "fw", "--no-uplink")
        for words in (("port", "add", "fw", "6000:80"), ("add", "fw2", "--no-uplink", "-p", "6000:80"),
                      ("add", "fw2", "--no-uplink", "--ip4", "100.64.0.9")):
            result = wh.warren(*words, check=False)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (USAGE, 1))
            self.assertIn("has no uplink", result.stderr)
        self.assertEqual([one["name"] for one in wh.warren("ls", json=True)], ["fw"])

    def test_faults_are_mended(self):
        self.add()
        with wh.killed_after(wh.start(wh.WARREN, "exec", "fw", "--", "sleep", "60")) as inside:
            netns = f"/proc/{inside.pid}/ns/net"
            self.assertTrue(wh.wait_until(lambda: os.stat(netns).st_ino == os.stat("/run/netns/fw").st_ino))
            wh.run("ip", "netns", "delete", "fw")
            self.assertIn("no namespace is pinned", self.faults())
            self.mend()
            self.assertEqual(os.stat(netns).st_ino, os.stat("/run/netns/fw").st_ino)
        wh.run("ip", "netns", "delete", "fw")
        self.mend()
        self.assertIsNotNone(self.serves("fw", GUEST))
        wh.run("ip", "link", "set", "lo", "down", ns="fw")
        self.assertIn("lo is down inside", self.faults())
        self.mend()
        wh.warren("down", "fw")
        self.assert_clean()
        wh.warren("up", "fw")
        self.assert_clean()

    def test_without_any_way_out_of_the_host(self):
        wh.run("ip", "route", "delete", "default")
        wh.run("ip", "-6", "route", "delete", "default")
        self.addCleanup(wh.run, "ip", "-6", "route", "add", "default", "via", wh.OUTSIDE6, "dev", "uplink")
        self.addCleanup(wh.run, "ip", "route", "add", "default", "via", wh.OUTSIDE4, "dev", "uplink")
        self.add()
        self.assertIsNotNone(self.serves("fw", GUEST))


FILE = """
[space.fw]
uplink = false

[[space.fw.device]]
type = "macvlan"
parent = "uplink"
ip = ["203.0.113.20/24", "2001:db8::20/64"]
gateway = ["203.0.113.1"]

[[space.fw.device]]
type = "veth"
name = "side"

[space.web1]
ports = ["6000:8080"]

[[space.web1.device]]
type = "macvlan"
index = 9
parent = "uplink"
mode = "private"
mac = "02:aa:00:00:00:01"
"""


class Files(Devices):
    def apply(self, text, *more, **options):
        return wh.warren("apply", "-", *more, input=text, **options)

    def test_round_trip(self):
        self.apply(FILE)
        self.assert_clean()
        self.assertIsNotNone(self.serves("fw", GUEST))
        exported = wh.warren("export").stdout
        self.assertEqual(self.apply(exported, "--prune").stdout, "nothing to do\n")
        before = wh.warren("dev", "ls", json=True)
        wh.warren("rm", "--all")
        self.apply(exported)
        self.assertEqual(wh.warren("export").stdout, exported)
        self.assertEqual(wh.warren("dev", "ls", json=True), before)

    def test_changes(self):
        self.apply(FILE)
        index = wh.link("fw", "eth1")["ifindex"]
        said = self.apply(FILE.replace("203.0.113.20", "203.0.113.21").replace("private", "bridge").replace('"side"', '"way"')).stdout
        for words in ("changes macvlan eth1 on uplink", "removes veth side", "adds veth way", "removes macvlan eth9 on uplink",
                      "adds macvlan eth9 on uplink"):
            self.assertIn(words, said)
        self.assert_clean()
        self.assertEqual(wh.link("fw", "eth1")["ifindex"], index, "another address made another interface")
        self.assertIsNotNone(self.serves("fw", "203.0.113.21"))
        self.assertTrue(self.silent("fw", GUEST, wh.OUTSIDE))
        self.assertEqual((has("fw", "side"), has("fw", "way")), (False, True))

    def test_addresses_go_from_one_to_another(self):
        file = "".join(f'[space.fw{i}]\nuplink = false\n[[space.fw{i}.device]]\ntype = "macvlan"\nparent = "uplink"\n'
                       f'ip = ["203.0.113.2{{}}/24"]\n' for i in range(2))
        self.apply(file.format(0, 1))
        self.apply(file.format(1, 0))
        self.assert_clean()
        self.assertIsNotNone(self.serves("fw0", "203.0.113.21"))
        said = self.apply(file.format(1, 1), check=False)
        self.assertIn("address 203.0.113.21 is eth1 of space", said.stderr)

    def test_faults_of_the_file(self):
        for wrong, says in (('type = "macvlan"', "a macvlan needs a parent"), ('parent = "uplink"', "a device needs a type"),
                            ('type = "bond"', "is no type of device"), ('type = "vlan"\nparent = "u"\nvlan = 4095', "1 to 4094"),
                            ('type = "veth"\nip = ["x"]', "ADDRESS/PREFIX"), ('type = "veth"\nnonsense = 1', "unknown key"),
                            ('type = "veth"\nindex = 1\n[[space.a.device]]\ntype = "veth"\nindex = 1', "index 1 stands twice"),
                            ('type = "veth"\nname = "x"\n[[space.a.device]]\ntype = "veth"\nname = "x"', "the name x stands twice")):
            with self.subTest(wrong=wrong):
                result = self.apply(f"[[space.a.device]]\n{wrong}\n", check=False)
                self.assertEqual((result.returncode, result.stderr.count("\n")), (USAGE, 1), result.stderr)
                self.assertIn(says, result.stderr)
        result = self.apply('[space.a]\nuplink = false\nports = ["80:80"]\n', check=False)
        self.assertIn("standard input:3: space.a.ports:", result.stderr)
        self.assertEqual(wh.warren("ls", json=True), [])


if __name__ == "__main__":
    wh.main()
