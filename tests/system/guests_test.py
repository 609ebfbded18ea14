# SPDX-License-Identifier: GPL-2.0-or-later
"""Units that share a space: what they see and cannot change, who is listed under which unit; hooks at boot and of warrend."""

import os
import pathlib
import shutil

import story
import systemhost as sh
import warrenhost as wh

HOOKS = pathlib.Path("/etc/warren/hooks.d")
SEEN = pathlib.Path("/var/lib/hooks-seen")


def transient(*properties, command, check=True):
    """Runs a shell command as a unit in the zone."""
    return wh.run("systemd-run", "--quiet", "--wait", "--pipe", "--property=NetworkNamespacePath=/run/netns/zone",
                  *(f"--property={text}" for text in properties), "sh", "-c", command, check=check)


def hook(event, name, text):
    path = HOOKS / event / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def seen():
    """What the hooks wrote since the last time."""
    lines = SEEN.read_text().splitlines() if SEEN.exists() else []
    SEEN.unlink(missing_ok=True)
    return lines


class Zone(story.Story, sh.SystemTest):
    boot = 1

    @classmethod
    def setUpClass(cls):
        sh.user("alice")
        wh.warren("add", "zone", "-p", "6000:8080")
        text = (sh.EXAMPLES / "in-a-space.conf").read_text().replace("web1", "zone")
        for name, port, user in ("one", 8080, "alice"), ("two", 8081, "root"):
            sh.unit(f"{name}.service", f"[Service]\nUser={user}\nExecStart={sh.serve_command(port, name)}\n")
            sh.unit(f"{name}.service.d/space.conf", text)
        sh.systemctl("start", "one.service", "two.service")

    def step_units_share_it(self):
        self.assertReached(6000, "one")
        pids = {name: int(sh.show(f"{name}.service", "MainPID")) for name in ("one", "two")}
        self.assertEqual([sh.space_of(pid) for pid in pids.values()], ["zone", "zone"])
        self.assertEqual(sh.reply("zone", "127.0.0.1", 8081).server, "two")  # over the zone's loopback
        with wh.killed_after(wh.start(wh.WARREN, "exec", "zone", "-u", "alice", "--", "sleep", 60)) as guest:
            self.assertTrue(wh.wait_until(lambda: [one for one in wh.warren("pids", "zone", json=True)
                                                   if one["command"] == "sleep 60"]))
            listed = {one["pid"]: (one["unit"], one["user"]) for one in wh.warren("pids", "zone", json=True)}
            text = wh.warren("pids", "zone").stdout
        self.assertEqual(listed[pids["one"]], ("one.service", "alice"))
        self.assertEqual(listed[pids["two"]], ("two.service", "root"))
        self.assertEqual(listed[guest.pid][1], "alice")
        for name, pid in pids.items():
            self.assertIn(f"unit {name}.service\n  {pid} ", text)

    def step_a_unit_sees_the_zone(self):
        for user in "alice", "root":
            with self.subTest(user=user):
                text = transient(f"User={user}", command="cat /proc/net/dev /proc/net/route; ls /proc/net/dev_snmp6").stdout
                self.assertIn("veth_zone", text)
                self.assertNotIn("uplink", text)
                self.assertNotIn("veth_zone_o", text)

    def step_and_in_sys_by_exec(self):
        result = wh.run("systemd-run", "--quiet", "--wait", "--pipe", wh.WARREN, "exec", "zone", "-u", "alice", "--", "ls",
                        "/sys/class/net")
        self.assertEqual(result.stdout.split(), ["lo", "veth_zone"])

    def step_and_in_sys_by_the_hook_of_the_examples(self):
        """systemd of Debian 12 leaves a unit the host's /sys."""
        for event in "up", "down":
            (HOOKS / event).mkdir(parents=True)
            shutil.copy(sh.EXAMPLES / "own-sys", HOOKS / event / "50-own-sys")
            (HOOKS / event / "50-own-sys").chmod(0o755)
        self.addCleanup(shutil.rmtree, HOOKS)
        line = next(line[1:] for line in (sh.EXAMPLES / "in-a-space.conf").read_text().splitlines() if "warren/sys" in line)
        wh.warren("add", "other")
        command = "ls /sys/class/net; cat /sys/class/net/veth_other/address; ls /sys/fs/cgroup/cgroup.procs"
        result = wh.run("systemd-run", "--quiet", "--wait", "--pipe", "--property=NetworkNamespacePath=/run/netns/other",
                        f"--property={line.replace('web1', 'other')}", "--property=User=alice", "sh", "-c", command)
        self.assertEqual(result.stdout.split(), ["lo", "veth_other", wh.mac_of("other", "veth_other"),
                                                 "/sys/fs/cgroup/cgroup.procs"])
        wh.warren("rm", "other")
        self.assertEqual(os.listdir("/run/warren/sys"), [])
        self.assertNotIn("/run/warren/sys", pathlib.Path("/proc/mounts").read_text())

    def step_and_changes_nothing(self):
        before = wh.run("ip", "-j", "address", ns="zone").stdout, wh.run("ip", "-j", "route", ns="zone").stdout
        for who in "User=alice", "CapabilityBoundingSet=~CAP_NET_ADMIN CAP_SYS_ADMIN":
            for words in "ip link set veth_zone down", "ip address add 192.0.2.1/24 dev veth_zone", "ip route del default", \
                    "ip link add v1 type veth", "nft add table inet mine", "unshare -Ur ip link set veth_zone down":
                with self.subTest(who=who, words=words):
                    self.assertNotEqual(transient(who, command=f"PATH=$PATH:/usr/sbin {words}", check=False).returncode, 0)
        self.assertEqual((wh.run("ip", "-j", "address", ns="zone").stdout, wh.run("ip", "-j", "route", ns="zone").stdout), before)
        self.assertClean()

    def step_prepare_hooks(self):
        tell = f'echo "$WARREN_EVENT $WARREN_SPACE" >>{SEEN}'
        for event in "pre-up", "up":
            hook(event, "10-tell", tell)
        hook("up", "20-look.inside", f"ls /sys/class/net | tr '\\n' ' ' >>{SEEN}; echo said aloud")
        hook("up", "30-start", "systemctl start --no-block told.service")
        sh.unit("told.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
        sh.systemctl("enable", "warren.service", "one.service")
        self.assertEqual(seen(), [])
        shutil.rmtree("/run/warren/hooks", ignore_errors=True)


class Booted(story.Story, sh.SystemTest):
    boot = 2

    def step_hooks_ran_at_boot(self):
        self.assertTrue(sh.active("warren.service"))
        self.assertEqual(seen(), ["pre-up zone", "up zone", "lo veth_zone "])
        self.assertIn("hook /etc/warren/hooks.d/up/20-look.inside: said aloud", sh.journal("warren.service"))
        self.assertIsNotNone(wh.wait_until(lambda: sh.active("told.service")))

    def step_hooks_of_warrend(self):
        """It makes a space anew whose namespace is gone: that is an up. A link put back is none."""
        sh.systemctl("start", "warrend.service")
        wh.run("ip", "link", "del", "veth_zone_o")
        self.assertIsNotNone(wh.wait_until(lambda: wh.warren("check", check=False).returncode == 0))
        self.assertEqual(seen(), [])
        wh.warren("add", "other")
        self.assertEqual(seen(), ["pre-up other", "up other", "lo veth_other "])
        wh.run("sh", "-c", "ip link del veth_other_o; ip netns del other")
        self.assertIsNotNone(wh.wait_until(lambda: os.path.exists(SEEN) and len(SEEN.read_text().splitlines()) == 3),
                             sh.journal("warrend.service"))
        self.assertEqual(seen(), ["pre-up other", "up other", "lo veth_other "])
        self.assertClean()


if __name__ == "__main__":
    sh.main()
