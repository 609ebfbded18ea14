# SPDX-License-Identifier: GPL-2.0-or-later
"""What is refused, or fails for one space, changes nothing else; and what is not warren's stays."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import warrenhost as wh  # noqa: E402

MANY = 300


def faults():
    return wh.warren("check", check=False).stdout


def state():
    """What the store and the table say."""
    return wh.warren("export").stdout, wh.run("nft", "list", "table", "inet", "warren", check=False).stdout


class Foreign(wh.HostTest):
    """Nothing is deleted because of its name."""

    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        wh.warren("add", "web2")
        wh.run("ip", "link", "del", "veth_web1_o")
        wh.run("ip", "link", "add", "veth_web1_o", "type", "bridge")
        self.addCleanup(wh.run, "ip", "link", "del", "veth_web1_o", check=False)

    def is_there(self):
        return "bridge" in wh.run("ip", "-d", "link", "show", "veth_web1_o").stdout

    def test_up_leaves_it_and_says_so(self):
        wh.run("ip", "link", "set", "veth_web2_o", "down")
        result = wh.warren("up", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("a link veth_web1_o exists already, and is not ours", result.stderr)
        self.assertTrue(self.is_there())
        self.assertNotIn("web1", result.stdout, "what was not mended is not told as mended")
        self.assertIn("mended: space web2", result.stdout, "the other is mended all the same")
        self.assertNotIn("web2", faults())

    def test_down_and_rm_leave_it(self):
        wh.warren("down", "web1")
        self.assertTrue(self.is_there())
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        wh.warren("rm", "web1")
        self.assertTrue(self.is_there())

    def test_what_could_not_be_built_is_not_open(self):
        wh.run("nft", "delete", "table", "inet", "warren")
        wh.warren("up", check=False)
        self.assertNotIn("6000", wh.run("nft", "list", "table", "inet", "warren").stdout)
        wh.run("ip", "link", "del", "veth_web1_o")
        wh.warren("up")
        self.assertIn("6000", wh.run("nft", "list", "table", "inet", "warren").stdout)
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")


class Refused(wh.HostTest):
    def test_a_refusing_hook_is_told_once_and_not_as_mended(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        wh.warren("add", "web2")
        folder = pathlib.Path("/etc/warren/hooks.d/pre-up")
        folder.mkdir(parents=True, exist_ok=True)
        hook = folder / "10-no"
        hook.write_text('#!/bin/sh\n[ "$WARREN_SPACE" != web1 ]\n')
        hook.chmod(0o755)
        self.addCleanup(hook.unlink)
        for name in ("web1", "web2"):
            wh.run("ip", "netns", "del", name)
            self.assertTrue(wh.wait_until(lambda: not os.path.exists(f"/sys/class/net/veth_{name}_o")))
        result = wh.warren("up", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("space web1: hook", result.stderr)
        self.assertNotIn("web1", result.stdout)
        self.assertIn("mended: space web2", result.stdout)

    def test_nobody_else_waits_for_a_hook(self):
        wh.warren("add", "web2")
        folder = pathlib.Path("/etc/warren/hooks.d/pre-up")
        folder.mkdir(parents=True, exist_ok=True)
        hook = folder / "10-slow"
        hook.write_text("#!/bin/sh\ntouch /run/hook.runs\nwhile [ ! -e /run/hook.go ]; do sleep 0.05; done\n")
        hook.chmod(0o755)
        self.addCleanup(hook.unlink)
        with wh.killed_after(wh.start(wh.WARREN, "add", "web1")) as adding:
            self.assertTrue(wh.wait_until(lambda: os.path.exists("/run/hook.runs")))
            result = wh.warren("run", "web2", "--", "true", check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIsNone(adding.poll(), "the hook runs still")
            pathlib.Path("/run/hook.go").touch()
            adding.wait()
        self.assertEqual(adding.returncode, 0)

    def test_adopting_again_what_cannot_be_leaves_the_space_down(self):
        wh.warren("add", "web1")
        wh.warren("down", "web1")
        wh.run("ip", "netns", "add", "other")
        self.addCleanup(wh.run, "ip", "netns", "del", "other", check=False)
        for line in ("link set lo up", "route add default dev lo"):
            wh.run("ip", "-n", "other", *line.split())
        before = state()
        result = wh.warren("adopt", "web1", "--path", "/run/netns/other", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("default IPv4 route already", result.stderr)
        self.assertEqual(wh.warren("ls", json=True)[0]["state"], "down")
        self.assertEqual(state(), before)
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_a_number_is_not_kept_whose_ipv6_address_is_anothers(self):
        wh.warren("add", "web1")
        ula = ":".join(wh.warren("show", "web1", json=True)["ipv6"].split(":")[:3])
        wh.warren("add", "web2", "--ip6", f"{ula}:14::2")
        wh.run(wh.WARREN, "apply", "-", input="[space.web9]\nnumber = 20\n")
        self.assertNotEqual(wh.warren("show", "web9", json=True)["number"], 20)
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")


class Many(wh.HostTest):
    def test_all_go_that_are_down_already(self):
        text = "".join(f"[space.s{i}]\nports = ['{10000 + i}:80']\n" for i in range(MANY))
        wh.run(wh.WARREN, "apply", "-", input=text)
        wh.warren("down", "--all")
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        wh.warren("rm", "--all")
        self.assertEqual(wh.warren("ls", json=True), [])

    def test_all_come_back_at_once(self):
        text = "".join(f"[space.s{i}]\n" for i in range(MANY))
        wh.run(wh.WARREN, "apply", "-", input=text)
        wh.run("ip", "link", "set", "group", "30561", "down")
        wh.warren("up")
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")


if __name__ == "__main__":
    wh.main()
