# SPDX-License-Identifier: GPL-2.0-or-later
"""warren's main job on the kernels that Debian ships, which lack what newer ones have, and over a reboot."""

import glob
import json
import os
import pathlib
import re
import unittest

import story
import systemhost as sh
import warrenhost as wh

SERVER = """
[Unit]
Requires=warren@{name}.service
After=warren@{name}.service
Before=systemd-user-sessions.service ssh.service
[Service]
Type=notify
NetworkNamespacePath=/run/netns/{name}
ExecStart={command}
[Install]
WantedBy=multi-user.target
"""


def sysctl(key):
    path = pathlib.Path("/proc/sys/net", key)
    return path.read_text().strip() if path.exists() else None


def identity():
    keys = ("name", "number", "ipv4", "ipv6", "mac", "host_interface", "state")
    return [{key: space[key] for key in keys} | {"ports": [forward["spec"] for forward in space["forwards"]]}
            for space in wh.warren("ls", json=True)]


class Spaces(story.Story, sh.SystemTest):
    boot = 1

    def step_add_two_with_forwards(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "53:53/udp", "-p", "7000-7009")
        wh.warren("add", "web2", "-p", "6001:8080")
        self.assertClean()
        for name in "web1", "web2":
            sh.unit(f"{name}.service", SERVER.format(name=name, command=sh.serve_command(8080, name)))
            sh.systemctl("enable", "--now", f"{name}.service")
        self.assertReached(6000, "web1")
        self.assertReached(6001, "web2")

    def step_the_world_by_nat(self):
        with wh.serve(wh.OUTSIDE, 80):
            for address, seen in (wh.WORLD4, wh.UPLINK4), (wh.WORLD6, wh.UPLINK6):
                for name in "web1", "web2":
                    self.assertEqual(sh.reply(name, address, 80).peer, seen)

    def step_udp_and_ranges(self):
        with wh.serve("web1", 53, "udp", name="dns"), wh.serve("web1", 7009, name="range"):
            for address in wh.UPLINK4, wh.UPLINK6:
                got = wh.wait_until(lambda: wh.connect(wh.OUTSIDE, address, 53, "udp", timeout=5))
                self.assertEqual(got and got.server, "dns")
                self.assertEqual(sh.reply(wh.OUTSIDE, address, 7009).server, "range")
            self.assertEqual(sh.reply(wh.HOST, "127.0.0.1", 7009).server, "range")

    def step_isolation(self):
        """What must stay silent, at once; beside each the same server reached in the way that is allowed."""
        two = {space["name"]: space for space in wh.warren("ls", json=True)}["web2"]
        with wh.serve(wh.HOST, 7777), wh.serve("web2", 9999):
            allowed = wh.connect_all((wh.HOST, two["ipv4"], 9999), (wh.HOST, two["ipv6"], 9999), (wh.OUTSIDE, wh.UPLINK4, 7777),
                                     (wh.OUTSIDE, wh.UPLINK6, 7777))
            self.assertEqual([got and got.server for got in allowed], ["web2", "web2", "host", "host"])
            denied = [(ns, address, port) for ns in ("web1",) for address in (two["ipv4"], two["ipv6"]) for port in (8080, 9999)]
            denied += [("web1", address, 7777) for address in (wh.UPLINK4, wh.UPLINK6, "100.64.0.1")]
            denied += [(wh.OUTSIDE, address, 9999) for address in (wh.UPLINK4, wh.UPLINK6)]
            self.assertEqual(wh.connect_all(*denied, timeout=wh.SILENCE), [None] * len(denied))

    def step_forwarding_is_on_for_ours_alone(self):
        """Where IPv6 forwarding is a switch for the whole host, router advertisements and strangers are seen to."""
        self.assertEqual((sysctl("ipv4/ip_forward"), sysctl("ipv4/conf/uplink/forwarding")), ("0", "1"))
        if sysctl("ipv6/conf/all/force_forwarding") is not None:
            self.assertEqual((sysctl("ipv6/conf/all/forwarding"), sysctl("ipv6/conf/uplink/force_forwarding")), ("0", "1"))
        else:
            self.assertEqual((sysctl("ipv6/conf/all/forwarding"), sysctl("ipv6/conf/uplink/accept_ra")), ("1", "2"))
        make_stranger()
        with wh.serve("stranger", 80):
            self.assertIsNotNone(sh.reply(wh.HOST, "2001:db8:5::2", 80), "the stranger is not there: it proves nothing")
            wh.run("ip", "-n", wh.OUTSIDE, "route", "replace", "2001:db8:5::/64", "via", wh.UPLINK6)
            wh.run("ip", "-n", wh.OUTSIDE, "route", "replace", "192.0.2.0/24", "via", wh.UPLINK4)
            got = wh.connect_all((wh.OUTSIDE, "2001:db8:5::2", 80), (wh.OUTSIDE, "192.0.2.2", 80), timeout=wh.SILENCE)
            self.assertEqual(got, [None, None])

    def step_changes_of_a_running_space(self):
        with wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000) as sock:
            wh.read_reply(sock)
            wh.warren("port", "add", "web1", "6005:8080")
            self.assertReached(6005, "web1")
            wh.warren("port", "rm", "web1", "6005")
            self.assertIsNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6005, timeout=wh.SILENCE))
            self.assertTrue(wh.echoes(sock))

    def step_check_and_up_after_a_foreign_flush(self):
        wh.run("nft", "flush", "ruleset")
        wh.run("ip", "link", "delete", "veth_web2_o")
        self.assertEqual(wh.warren("check", check=False).returncode, 3)
        wh.warren("up")
        self.assertClean()
        self.assertReached(6000, "web1")
        self.assertReached(6001, "web2")

    def step_doctor_finds_no_problem(self):
        found = wh.warren("doctor", json=True, check=False)["findings"]
        self.assertEqual([item for item in found if item["level"] == "problem"], [])

    @unittest.skipUnless(glob.glob("/run/udev/control"), "no udev here")
    def step_udev_leaves_the_links_alone(self):
        wh.run("udevadm", "settle")
        shown = wh.run("udevadm", "info", "--query=property", "/sys/class/net/veth_web1_o").stdout
        self.assertIn("05-warren.link", re.search("ID_NET_LINK_FILE=(.*)", shown)[1])

    def step_enable_for_the_next_boot(self):
        sh.systemctl("enable", "warren.service")
        sh.remember("spaces", json.dumps(identity()))


def make_stranger():
    """A network of somebody else's on the same host."""
    wh.run("ip", "netns", "add", "stranger")
    wh.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "eth0", "netns", "stranger")
    for ns, device, host in (None, "other", 1), ("stranger", "eth0", 2):
        ip = ["ip", *(["-n", ns] if ns else [])]
        wh.run(*ip, "address", "add", f"192.0.2.{host}/24", "dev", device)
        wh.run(*ip, "address", "add", f"2001:db8:5::{host}/64", "dev", device, "nodad")
        wh.run(*ip, "link", "set", device, "up")
    wh.run("ip", "-n", "stranger", "route", "add", "default", "via", "192.0.2.1")
    wh.run("ip", "-n", "stranger", "route", "add", "default", "via", "2001:db8:5::1")


class Rebooted(story.Story, sh.SystemTest):
    boot = 2

    def step_everything_is_back_before_ssh(self):
        self.assertEqual(identity(), json.loads(sh.remembered("spaces")))
        self.assertClean()
        began = sh.since_boot("ssh.service", "ExecMainStartTimestampMonotonic")
        for name in "warren.service", "web1.service", "web2.service":
            self.assertTrue(sh.active(name), name)
            self.assertLess(sh.since_boot(name, "ActiveEnterTimestampMonotonic"), began, name)

    def step_tenants_are_reached(self):
        self.assertReached(6000, "web1")
        self.assertReached(6001, "web2")

    def step_nothing_stays_behind(self):
        sh.systemctl("stop", "web1.service", "web2.service")
        wh.warren("rm", "--all", "--force")
        self.assertEqual(wh.run("nft", "list", "tables").stdout, "")
        self.assertEqual([name for name in os.listdir("/sys/class/net") if name.startswith("veth_")], [])
        self.assertEqual((sysctl("ipv4/conf/uplink/forwarding"), sysctl("ipv6/conf/all/forwarding")), ("0", "0"))


if __name__ == "__main__":
    sh.main()
