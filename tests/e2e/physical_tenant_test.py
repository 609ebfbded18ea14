# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is root of a space's network does what he likes with an interface of the host: that comes back, and as it was."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from devices_test import dev, has  # noqa: E402
from physical_test import Physical  # noqa: E402
from userns import as_tenant, tenant  # noqa: E402

MAC = "02:11:22:33:44:55"


def tenant_space(name):
    """A space whose network belongs to IDs of its own."""
    wh.warren("id", "allocate", name)
    wh.warren("add", name, "--no-uplink")
    wh.warren("map", "assign", name, "--owner", name)
    wh.warren("down", name)
    wh.warren("up", name)


def pair_on_host():
    """nic0 and cable, a veth of which both ends are on the host."""
    wh.run("ip", "link", "delete", "cable", ns=wh.OUTSIDE)
    wh.run("ip", "link", "add", "nic0", "address", MAC, "mtu", "1400", "type", "veth", "peer", "name", "cable")
    wh.run("ip", "address", "add", "192.0.2.2/24", "dev", "nic0")
    wh.run("ip", "link", "set", "nic0", "up")


class Tenant(Physical):
    def setUp(self):
        super().setUp()
        wh.warren("rm", "fw")
        tenant_space("fw")

    def still_here(self, name):
        """The host's own end of the pair leads to the one that came back."""
        return wh.link(wh.HOST, "cable").get("link") == name


class Fakes(Tenant):
    def test_another_with_its_name_and_mac(self):
        self.add()
        as_tenant("fw", f"""ip link set nic0 down; ip link set nic0 name real; ip link set real address 02:00:00:00:00:99
                            ip link add nic0 address {MAC} type veth peer name evil""")
        dev("rm", "fw", "nic0")
        self.assert_home()
        wh.run("ip", "link", "set", "cable", "down", ns=wh.OUTSIDE)
        wh.run("ip", "link", "set", "cable", "up", ns=wh.OUTSIDE)
        self.assertEqual(wh.run("ip", "-br", "link", "show", "evil", ns="fw").stdout.split()[0], "evil@nic0")
        self.assert_clean()

    def test_another_with_its_index(self):
        """The host's other end tells which one is right; what came in its place goes, and the right one is not forgotten."""
        pair_on_host()
        self.addCleanup(lambda: wh.run("ip", "link", "delete", "cable", check=False))
        self.add()
        index = wh.link("fw", "nic0")["ifindex"]
        holder = tenant("fw", "/usr/bin/unshare", "-n", "/bin/sh", "-c", "echo; read word")
        with wh.killed_after(holder):
            self.addCleanup(lambda: [pipe.close() for pipe in (holder.stdin, holder.stdout, holder.stderr)])
            holder.stdout.readline()
            as_tenant("fw", f"""ip link set nic0 netns {holder.pid}
                                ip link add nic0 index {index} address {MAC} type veth peer name evil""")
            found = dev("rm", "fw", "nic0", check=False)
            self.assertEqual(found.returncode, 1)
            self.assertIn("somebody in space fw has put another interface in the place of nic0", found.stderr)
            self.assertFalse(has(wh.HOST, "nic0"))
            self.assertFalse(has("fw", "evil"), "the other end of what came instead")
            hidden = wh.warren("up", check=False)
            self.assertEqual(hidden.returncode, 1)
            self.assertIn("nic0 of space fw is nowhere to be found", hidden.stderr)
            wh.run("nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip", "link", "set", "nic0", "netns", "/run/netns/fw")
        wh.warren("up")
        self.assertTrue(self.still_here("nic0"))
        self.assertEqual(wh.warren("dev", "ls", json=True), [])
        self.assert_clean()


class InTheWay(Tenant):
    def test_names_that_the_host_has(self):
        wh.run("ip", "link", "property", "add", "dev", "nic0", "altname", "wan", "altname", "taken")
        self.add()
        as_tenant("fw", """ip link property del dev nic0 altname wan
                           ip link property add dev nic0 altname uplink altname lo0 altname cable""")
        wh.run("ip", "link", "add", "taken", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "delete", "taken")
        said = dev("rm", "fw", "nic0").stderr
        self.assertIn("nic0: give the link another name: File exists", said)
        self.assert_home()
        self.assertEqual(wh.link(wh.HOST, "nic0").get("altnames"), ["wan"])

    def test_what_sits_on_it(self):
        self.add()
        as_tenant("fw", "ip link add link nic0 name upper type macvlan; ip link set upper up")
        dev("rm", "fw", "nic0")
        self.assert_home()
        self.assertFalse(has("fw", "upper"), "it would be in the segment still")

    def test_a_link_group_of_warren(self):
        """It comes back in its own, and nothing of a group alone is taken for warren's."""
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        for group in 30562, 30561, 30563:
            self.add()
            as_tenant("fw", f"ip link set nic0 group {group}")
            dev("rm", "fw", "nic0")
            self.assertEqual(wh.link(wh.HOST, "nic0")["group"], "default")
            wh.run("ip", "link", "set", "nic0", "group", group)
            self.assert_clean()
            wh.warren("up")
            wh.warren("rm", "web1", "web2")
            self.assert_home()
            wh.warren("add", "web1")
            wh.warren("add", "web2")
            self.add()
            self.assertTrue(has("fw", "nic0"))
            dev("rm", "fw", "nic0")
            wh.run("ip", "link", "set", "nic0", "group", "default")

    def test_one_that_is_hidden_holds_up_no_other_space(self):
        pair_on_host()
        self.addCleanup(lambda: wh.run("ip", "link", "delete", "cable", check=False))
        wh.warren("add", "web1")
        self.add()
        holder = tenant("fw", "/usr/bin/unshare", "-n", "/bin/sh", "-c", "echo; read word")
        with wh.killed_after(holder):
            self.addCleanup(lambda: [pipe.close() for pipe in (holder.stdin, holder.stdout, holder.stderr)])
            holder.stdout.readline()
            as_tenant("fw", f"ip link set nic0 netns {holder.pid}")
            found = wh.warren("rm", "--force", "fw", check=False)
            self.assertEqual(found.returncode, 1)
            self.assertIn("somebody in the space keeps it in a namespace of his own", found.stderr)
            wh.run("ip", "link", "delete", "veth_web1_o")
            mended = wh.warren("up", check=False)
            self.assertEqual(mended.returncode, 1)
            self.assertEqual(mended.stderr.count("space fw: device nic0: "), 1, mended.stderr)
            self.assertTrue(has("web1", "veth_web1"))
            wh.run("nsenter", f"--net=/proc/{holder.pid}/ns/net", "ip", "link", "set", "nic0", "netns", "/run/netns/fw")
        wh.warren("up")
        self.assertTrue(self.still_here("nic0"))
        self.assertEqual([one["name"] for one in wh.warren("ls", json=True)], ["web1"])
        self.assert_clean()


if __name__ == "__main__":
    wh.main()
