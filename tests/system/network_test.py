# SPDX-License-Identifier: GPL-2.0-or-later
"""An uplink that comes late, by systemd-networkd and by ifupdown, and a networkd that wants every interface."""

import os

import story
import systemhost as sh
import warrenhost as wh

NETWORK = "/etc/systemd/network"
UPLINK = f"""[Match]
Name=uplink
[Network]
Address={wh.UPLINK4}/24
Gateway={wh.OUTSIDE4}
Address={wh.UPLINK6}/64
Gateway={wh.OUTSIDE6}
IPv6AcceptRA=no
"""
# What many a host has, so that whatever is plugged in just works.
EVERYTHING = "[Match]\nName=*\nType=ether\n[Network]\nDHCP=yes\nLinkLocalAddressing=ipv6\nAddress=192.0.2.77/24\n"
INTERFACES = f"""auto uplink
iface uplink inet static
  address {wh.UPLINK4}/24
  gateway {wh.OUTSIDE4}
iface uplink inet6 static
  address {wh.UPLINK6}/64
  gateway {wh.OUTSIDE6}
  dad-attempts 0
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def forwards(interface):
    """Has warren switched on what it needs at this uplink?"""
    with open(f"/proc/sys/net/ipv4/conf/{interface}/forwarding") as file:
        return file.read() == "1\n"


class Prepare(sh.SystemTest):
    boot = 1

    def test_spaces_on_a_host_whose_uplink_comes_late(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        sh.unit("tenant.service", "[Unit]\nRequires=warren@web1.service\nAfter=warren@web1.service\n[Service]\n"
                f"NetworkNamespacePath=/run/netns/web1\nExecStart={sh.serve_command(8080, 'tenant')}\n"
                "[Install]\nWantedBy=multi-user.target\n")
        sh.unit("uplink.service.d/late.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/make-uplink later\n")
        sh.systemctl("enable", "warren.service", "warren-uplink.service", "tenant.service", "systemd-networkd.service",
                     "systemd-networkd-wait-online.service")


class LateUplink(story.Story, sh.SystemTest):
    boot = 2

    def step_spaces_and_logins_do_not_wait_for_it(self):
        for name in "warren.service", "ssh.service", "tenant.service", "multi-user.target":
            self.assertTrue(sh.active(name), name)
        self.assertIn("no uplink", sh.journal("warren.service"))
        self.assertFalse(sh.active("network-online.target"))
        self.assertFalse(forwards("uplink"))
        self.assertEqual(sh.space_of(sh.show("tenant.service", "MainPID")), "web1")

    def step_spaces_follow_when_it_is_there(self):
        write(f"{NETWORK}/50-uplink.network", UPLINK)
        wh.run("networkctl", "reload")
        self.assertIsNotNone(wh.wait_until(lambda: sh.active("network-online.target")), sh.journal("systemd-networkd"))
        self.assertIsNotNone(wh.wait_until(lambda: wh.warren("check", check=False).returncode == 0))
        self.assertReached(6000, "tenant")
        with wh.serve(wh.OUTSIDE, 80):
            self.assertEqual(wh.connect("web1", wh.WORLD4, 80).peer, wh.UPLINK4)

    def step_networkd_leaves_the_links_alone(self):
        write(f"{NETWORK}/60-everything.network", EVERYTHING)
        before = wh.run("ip", "-j", "address", "show", "dev", "veth_web1_o").stdout
        sh.systemctl("restart", "systemd-networkd.service")
        wh.run("/lib/systemd/systemd-networkd-wait-online", "--interface=uplink", f"--timeout={wh.patience():.0f}")
        wh.warren("add", "web2", "-p", "6001:8080")
        wh.run("networkctl", "reload")
        wanted = {"uplink": "configured", "veth_web1_o": "unmanaged", "veth_web2_o": "unmanaged"}

        def states():
            listed = [line.split() for line in wh.run("networkctl", "--no-legend", "list").stdout.splitlines()]
            return {words[1]: words[-1] for words in listed if words[1] in wanted}
        wh.wait_until(lambda: states() == wanted)
        self.assertTrue(wh.stays(lambda: states() == wanted), states())
        self.assertEqual(wh.run("ip", "-j", "address", "show", "dev", "veth_web1_o").stdout, before)
        self.assertClean()

    def step_leave_networkd(self):
        sh.systemctl("disable", "systemd-networkd.service", "systemd-networkd.socket")
        os.unlink(f"{NETWORK}/60-everything.network")
        write("/etc/network/interfaces", INTERFACES)
        os.symlink(sh.PREFIX / "share/warren/uplink-changed", "/etc/network/if-up.d/warren")


class Ifupdown(sh.SystemTest):
    boot = 3

    def test_hook_has_the_spaces_follow(self):
        self.assertIn("no uplink", sh.journal("warren.service"))
        self.assertEqual(wh.run("ip", "route", "show", "default").stdout, "")
        wh.run("ifup", "uplink")
        self.assertIsNotNone(wh.wait_until(lambda: forwards("uplink")), sh.journal("warren-uplink.service"))
        self.assertClean()
        self.assertReached(6000, "tenant")

    def test_hook_ignores_the_spaces_own_links(self):
        began = sh.since_boot("warren-uplink.service", "ExecMainStartTimestampMonotonic")
        hook = str(sh.PREFIX / "lib/NetworkManager/dispatcher.d/50-warren")
        for name, action in ("lo", "up"), ("veth_web1_o", "up"), ("uplink", "hostname"), ("uplink", "down"):
            wh.run(hook, name, action, env=os.environ | {"NM_DISPATCHER_ACTION": action})
        self.assertTrue(wh.stays(lambda: sh.since_boot("warren-uplink.service", "ExecMainStartTimestampMonotonic") == began))


if __name__ == "__main__":
    sh.main()
