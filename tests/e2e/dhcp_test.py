# SPDX-License-Identifier: GPL-2.0-or-later
"""DHCP: a real dnsmasq gives a device its address, its router and its name server; the client is looked after."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrendhost  # noqa: E402
import warrenhost as wh  # noqa: E402
from crash_test import MOST_STEPS, killed_at  # noqa: E402
from devices_test import Devices, dev, has  # noqa: E402

LEASES = "/run/dnsmasq.leases"
RESOLV = pathlib.Path("/etc/netns/fw/resolv.conf")
SERVER = "198.18.0.1"  # of the segment lan, behind outside


def client(space="fw"):
    """PIDs of the clients in the space."""
    found = wh.warren("pids", space, json=True) if has(space, "lo") else []
    return [one["pid"] for one in found if "udhcpc" in one["command"]]


def one_client():
    """Its PID, once it does not just have its hook called: then there are two of it."""
    def alone():
        found = client()
        return len(found) == 1 and found[0]
    return wh.wait_until(alone)


def ended(pid):
    """Ended, and waited for by whoever is init here."""
    return wh.wait_until(lambda: not os.path.exists(f"/proc/{pid}"))


@contextlib.contextmanager
def warrend():
    with open("/run/warrend.log", "w") as log, wh.killed_after(wh.start(warrendhost.WARREND, stdout=log, stderr=log)) as process:
        if not wh.wait_until(warrendhost.status):
            raise AssertionError(pathlib.Path("/run/warrend.log").read_text())
        yield process


@unittest.skipUnless(shutil.which("dnsmasq"), "dnsmasq is not installed (package dnsmasq-base)")
@unittest.skipUnless(shutil.which("udhcpc") or shutil.which("busybox"), "there is no DHCP client (package udhcpc)")
class Dhcp(Devices):
    def setUp(self):
        """A bridge on the host, with a server on it that is reached through a port of its own."""
        for words in (("link", "add", "lan", "type", "bridge"), ("link", "set", "lan", "up"),
                      ("link", "add", "lanport", "type", "veth", "peer", "name", "lan0", "netns", wh.OUTSIDE),
                      ("link", "set", "lanport", "master", "lan", "up")):
            wh.run("ip", *words)
        wh.run("ip", "address", "add", f"{SERVER}/24", "dev", "lan0", ns=wh.OUTSIDE)
        wh.run("ip", "link", "set", "lan0", "up", ns=wh.OUTSIDE)
        self.addCleanup(lambda: [wh.run("ip", "link", "delete", name) for name in ("lanport", "lan")])
        self.start_server("198.18.0.50", "198.18.0.60")
        wh.warren("add", "fw", "--no-uplink")

    def start_server(self, first, last):
        pathlib.Path(LEASES).unlink(missing_ok=True)
        server = wh.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=lan0",
                          "--bind-interfaces", f"--dhcp-range={first},{last},2m", f"--dhcp-option=3,{SERVER}",
                          "--dhcp-option=6,198.18.0.53", f"--dhcp-leasefile={LEASES}", "--pid-file=/run/dnsmasq.pid",
                          "--user=root", "--dhcp-authoritative", "--no-ping", ns=wh.OUTSIDE)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        return server

    def add(self, *more, space="fw"):
        return dev("add", space, "--type", "macvlan", "--parent", "lan", "--dhcp", *more)

    def address(self, space="fw"):
        """Waits for it, and says what `show` says."""
        def known():
            return [address for one in wh.warren("show", space, json=True)["devices"] for address in one["addresses"]
                    if "." in address]
        return (wh.wait_until(known) or [None])[0]

    def test_address_router_and_name_server(self):
        host = pathlib.Path("/etc/resolv.conf").read_bytes() if os.path.exists("/etc/resolv.conf") else None
        self.add()
        address = self.address()
        self.assertRegex(address, r"^198\.18\.0\.(5\d|60)/24$")
        self.assertIn(address, wh.warren("show", "fw").stdout)
        self.assertIn(f"default via {SERVER} dev eth1", wh.run("ip", "route", ns="fw").stdout)
        self.assertIsNotNone(self.serves("fw", address.split("/")[0]))
        self.assertTrue(wh.wait_until(RESOLV.exists))
        self.assertEqual(RESOLV.read_text(), "# by warren, from DHCP on eth1\nnameserver 198.18.0.53\n")
        if host is not None:
            self.assertEqual(pathlib.Path("/etc/resolv.conf").read_bytes(), host)
            self.assertEqual(wh.warren("exec", "fw", "--", "cat", "/etc/resolv.conf").stdout, RESOLV.read_text())
        lease = pathlib.Path(LEASES).read_text()
        self.assertIn("02:00:00:00:02:01", lease)
        self.assertIn(" fw ", lease, "the space's name is the host name in the request")
        self.assert_clean()
        self.assertIn(address.split("/")[0], wh.warren("explain", address.split("/")[0]).stdout)

    def test_two_spaces_with_devices_of_one_name(self):
        wh.warren("add", "web1")
        self.add()
        self.add(space="web1")
        first, second = self.address(), self.address("web1")
        self.assertTrue(first and second and first != second, (first, second))

    def test_a_client_that_dies_is_started_again(self):
        self.add()
        address = self.address()
        for pid in client():
            os.kill(pid, signal.SIGKILL)
        self.assertTrue(wh.wait_until(lambda: not client()), client())
        self.assertTrue(wh.wait_until(lambda: "no DHCP client looks after eth1" in self.faults()))
        self.mend()
        self.assertTrue(wh.wait_until(lambda: len(client()) == 1), client())
        self.assertEqual(self.address(), address)

    def test_warrend_starts_it_again(self):
        self.add()
        self.address()
        with warrend():
            pid = one_client()
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(wh.wait_until(lambda: client() not in ([], [pid])))
            wh.wait_until(lambda: wh.warren("check", check=False).returncode == 0)  # it is written down a moment later
        self.assert_clean()
        self.assertTrue(wh.wait_until(lambda: len(client()) == 1), "the client ends with warrend")

    def test_a_client_that_nobody_knows_of(self):
        """Its starter was killed before it could write down the PID: it is replaced, and stands in nobody's way."""
        self.add()
        for command in ("up",), ("dev", "rm", "fw", "eth1"):
            pid = one_client()
            os.unlink("/run/warren/dhcp/2.1.pid")
            wh.warren(*command)
            self.assertTrue(ended(pid))
            wanted = len(wh.warren("dev", "ls", json=True))
            # While it has its hook called there are two of it.
            self.assertTrue(wh.wait_until(lambda: len(client()) == wanted), client())
        self.add()
        os.unlink("/run/warren/dhcp/2.1.pid")
        wh.warren("rm", "fw")

    def test_a_namespace_that_was(self):
        """A client that lives on in a namespace of former times is none."""
        self.add()
        pid = one_client()
        wh.run("ip", "link", "delete", "eth1", ns="fw")
        wh.run("ip", "netns", "delete", "fw")
        os.unlink("/run/warren/netns/fw")  # else it would be the space's again, as the client lives in it
        self.mend()
        self.assertTrue(ended(pid))
        self.assertTrue(one_client())
        self.assertTrue(self.address())

    def test_a_namespace_that_is_found_again(self):
        self.add()
        inode, pid = os.stat("/run/netns/fw").st_ino, one_client()
        # A client may end when its interface goes, and the namespace with the last who lives in it.
        inhabitant = wh.start("sleep", 1000, ns="fw")
        self.addCleanup(inhabitant.wait)
        self.addCleanup(inhabitant.kill)
        wh.run("ip", "link", "delete", "eth1", ns="fw")
        wh.run("ip", "netns", "delete", "fw")
        self.mend()
        self.assertEqual(os.stat("/run/netns/fw").st_ino, inode)
        self.assertTrue(ended(pid))
        self.assertTrue(one_client())
        self.assertTrue(self.address())

    def test_it_ends_with_its_device(self):
        self.add()
        self.address()
        self.assertTrue(wh.wait_until(lambda: len(client()) == 1), client())
        dev("rm", "fw", "eth1")
        self.assertEqual(client(), [])
        self.assertFalse(RESOLV.exists())
        for command in "down", "rm":
            wh.warren("up", "fw")
            if not wh.warren("dev", "ls", json=True):
                self.add()
            self.assertTrue(self.address())
            pid = one_client()
            wh.warren(command, "fw")
            self.assertTrue(ended(pid), f"the client outlives `{command}`")

    def test_a_resolv_conf_of_the_operators_own_stays(self):
        RESOLV.parent.mkdir(parents=True, exist_ok=True)
        RESOLV.write_text("nameserver 192.0.2.53\n")
        self.addCleanup(RESOLV.unlink)
        self.add()
        self.assertTrue(self.address())
        dev("rm", "fw", "eth1")
        self.assertEqual(RESOLV.read_text(), "nameserver 192.0.2.53\n")

    def test_another_address(self):
        """The lease is lost and another offered: the first address goes."""
        server = self.start_server  # the one of setUp ends with the test
        self.add()
        first = self.address()
        wh.run("pkill", "-F", "/run/dnsmasq.pid")
        server("198.18.0.90", "198.18.0.95")
        pid = one_client()
        os.kill(pid, signal.SIGUSR2)  # release
        os.kill(pid, signal.SIGUSR1)  # and ask again
        second = wh.wait_until(lambda: self.address() not in (None, first) and self.address())
        self.assertRegex(second or "", r"^198\.18\.0\.9\d/24$")
        self.assertEqual(len(wh.warren("show", "fw", json=True)["devices"][0]["addresses"]), 1)

    def test_a_veth_on_the_bridge(self):
        dev("add", "fw", "--type", "veth", "--parent", "lan", "--dhcp", "--name", "lan0")
        self.assertRegex(self.address(), r"^198\.18\.0\.")

    def test_a_fixed_address_in_its_place(self):
        """Neither the lease's address nor its router stays, nor a client, wherever the change was killed."""
        file = '[space.fw]\nuplink = false\n[[space.fw.device]]\ntype = "macvlan"\nparent = "lan"\n{}\n'
        for step in (MOST_STEPS, *range(1, MOST_STEPS)):
            wh.warren("apply", "-", input=file.format("dhcp = true"))
            self.assertTrue(self.address())
            killed = killed_at(step, "apply", "-", input=file.format('ip = ["198.18.0.9/24"]'))
            found = wh.warren("check", check=False).stdout
            wh.warren("up")
            self.assert_clean()
            if "dhcp" not in wh.warren("export").stdout:
                self.assertEqual((client(), os.path.exists("/run/warren/dhcp/2.1.lease"), RESOLV.exists()), ([], False, False))
                self.assertEqual(wh.warren("dev", "ls", json=True)[0]["addresses"], ["198.18.0.9/24"], f"step {step}: {found}")
                self.assertNotIn("default", wh.run("ip", "route", ns="fw").stdout, f"step {step}")
            if not killed and step != MOST_STEPS:
                break

    def test_what_no_server_may_give(self):
        """Nothing that would draw off what the space sends to the world or to its gateway; said in one line."""
        wh.warren("add", "web1")
        dev("add", "web1", "--type", "veth", "--parent", "lan", "--name", "lan0")
        before = wh.run("ip", "-br", "address", ns="web1").stdout, wh.run("ip", "route", ns="web1").stdout
        hook = pathlib.Path(wh.WARREN).parents[1] / "dhcp/dhcp-hook"

        def offer(**offered):
            fixed = {"interface": "lan0", "WARREN_SPACE": "web1", "WARREN_LEASE": "/run/lease", "WARREN_METRIC": "101",
                     "WARREN_POOL": "100.64.0.0/16"}
            return wh.run(hook, "bound", ns="web1", check=False, env=fixed | offered)
        for ip, mask, says in (("198.18.0.66", "1", "wider than a /8"), ("100.64.0.1", "32", "warren's own pool"),
                               ("100.66.0.1", "10", "holds warren's own pool"), ("224.0.0.5", "24", "no host's address"),
                               ("169.254.0.5", "16", "no host's address"), ("nonsense", "24", "is no address")):
            with self.subTest(ip=ip, mask=mask):
                said = offer(ip=ip, mask=mask, router="198.18.0.1")
                self.assertEqual((said.returncode, said.stderr.count("\n")), (1, 1), said.stderr)
                self.assertIn("lan0: refused what a DHCP server offers: ", said.stderr)
                self.assertIn(says, said.stderr)
        now = wh.run("ip", "-br", "address", ns="web1").stdout, wh.run("ip", "route", ns="web1").stdout
        self.assertEqual((now, os.path.exists("/run/lease")), (before, False))
        said = offer(ip="198.18.0.66", mask="24", router="100.64.0.1 198.18.0.1")
        self.addCleanup(os.unlink, "/run/lease")
        self.assertIn("router 100.64.0.1 is of warren's own pool", said.stderr)
        self.assertIn("default via 198.18.0.1 dev lan0", wh.run("ip", "route", ns="web1").stdout)

    def test_not_on_an_ipvlan(self):
        self.assertTrue(wh.wait_until(lambda: wh.link(wh.HOST, "lan")["operstate"] == "UP"))
        self.refused("add", "fw", "--type", "ipvlan", "--parent", "lan", "--dhcp", says="DHCP does not work on an ipvlan")


if __name__ == "__main__":
    wh.main()
