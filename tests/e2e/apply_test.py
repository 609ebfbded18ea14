# SPDX-License-Identifier: GPL-2.0-or-later
"""Spaces from a file: what `apply` creates, changes and removes, and what it leaves alone; `down` and `up`."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

ALL_KINDS = """
[space.plain]
[space.web1]
ports = ["6000:8080", "8000-8009", "203.0.113.10:53:53/udp", "[2001:db8::10]:53:53/udp", "6010:6010/both"]
[space.web2]
number = 77
nat = false
ports = ["6001:8080"]
[space."with.dot"]
ip4 = "100.64.9.9"
[space.rests]
state = "down"
ports = ["6002:8080"]
"""


def apply(text, *options, **more):
    return wh.warren("apply", "-", *options, json=True, input=text, **more)


def steps(report):
    return {step["space"]: (step["action"], step["what"]) for step in report["steps"]}


def spaces():
    return {space["name"]: space for space in wh.warren("ls", json=True)}


class FromFiles(wh.HostTest):
    maxDiff = None

    def setUp(self):
        hoststate.restore_store({})

    def assert_clean(self):
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def assert_reached(self, port, name):
        for address in wh.UPLINK4, wh.UPLINK6:
            reply = wh.connect(wh.OUTSIDE, address, port)
            self.assertEqual(reply and reply.server, name)


class Apply(FromFiles):
    def test_round_trip(self):
        created = apply(ALL_KINDS)
        self.assertEqual({action for action, _ in steps(created).values()}, {"create"})
        self.assert_clean()
        text, before = hoststate.export(), hoststate.everything()
        self.assertEqual(apply(text)["steps"], [])
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        wh.warren("rm", "--all")
        apply(text)
        self.assertEqual(hoststate.export(), text)  # the same numbers, too
        self.assertEqual(hoststate.kernel()["table"], before["table"])
        made = spaces()
        self.assertEqual(made["web2"]["number"], 77)
        self.assertEqual(made["with.dot"]["ipv4"], "100.64.9.9")
        self.assertEqual(made["rests"]["state"], "down")

    def test_export_to_another_host(self):
        """Where a number is taken, the space gets another."""
        apply(ALL_KINDS)
        text = hoststate.export()
        wh.warren("rm", "--all")
        hoststate.restore_store({})
        wh.warren("add", "first")
        apply(text)
        self.assert_clean()
        self.assertEqual(spaces()["web2"]["number"], 77)
        self.assertEqual(len({space["number"] for space in spaces().values()}), 6)

    def test_prune(self):
        wh.warren("add", "old", "-p", "6000:8080")
        self.assertNotIn("old", steps(apply("[space.new]\n")))
        self.assertIn("old", spaces())
        self.assertEqual(steps(apply("[space.new]\n", "--prune"))["old"][0], "remove")
        self.assertEqual(list(spaces()), ["new"])
        self.assert_clean()

    def test_prune_asks_for_force_where_processes_live(self):
        wh.warren("add", "old")
        with wh.killed_after(wh.start("sleep", "100", ns="old")) as process:
            before = hoststate.everything()
            refused = wh.warren("apply", "-", "--prune", check=False, input="[space.new]\n")
            self.assertEqual(refused.returncode, 1)
            self.assertRegex(refused.stderr, rf"old.*{process.pid}.*--force")
            self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
            apply("[space.new]\n", "--prune", "--force")
            self.assertEqual(process.wait(wh.patience()), -signal.SIGTERM)
        self.assertEqual(list(spaces()), ["new"])

    def test_prune_all(self):
        bare = hoststate.kernel()
        apply(ALL_KINDS)
        apply("", "--prune")
        self.assertEqual(hoststate.difference(bare, hoststate.kernel()), {})

    def test_dry_run(self):
        wh.warren("add", "old", "-p", "6000:8080")
        before, store = hoststate.everything(), hoststate.store_bytes()
        text = "[space.new]\nports = ['6000:80']\n[space.rests]\nstate = 'down'\n"
        would = apply(text, "--prune", "--dry-run")
        self.assertTrue(would["dry_run"])
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        self.assertEqual(store, hoststate.store_bytes())
        self.assertEqual(apply(text, "--prune")["steps"], would["steps"])

    def test_progress_on_a_terminal(self):
        reader, writer = os.openpty()
        text = "".join(f"[space.p{number}]\n" for number in range(20))
        subprocess.run([wh.WARREN, "apply", "-"], input=text, text=True, stdout=subprocess.DEVNULL, stderr=writer,
                       check=True, timeout=wh.patience(60))
        os.close(writer)
        self.assertRegex(wh.read_terminal(reader), r"spaces made 10/20\rspaces made 20/20\r?\n")
        os.close(reader)

    def test_port_changes_hands(self):
        apply("[space.a]\nports = ['6000:8080']\n[space.b]\nports = ['6001:8080']\n")
        with wh.serve("a", 8080), wh.serve("b", 8080):
            self.assert_reached(6000, "a")
            done = apply("[space.a]\nports = ['6001:8080']\n[space.b]\nports = ['6000:8080']\n")
            self.assertEqual(steps(done)["a"], ("change", "removes tcp 6000 -> 8080; adds tcp 6001 -> 8080"))
            self.assert_reached(6000, "b")
            self.assert_reached(6001, "a")
        self.assert_clean()

    def test_port_of_a_pruned_space(self):
        apply("[space.a]\nports = ['6000:8080']\n")
        apply("[space.b]\nports = ['6000:8080']\n", "--prune")
        with wh.serve("b", 8080):
            self.assert_reached(6000, "b")
        self.assert_clean()

    def test_changes_of_a_space(self):
        """Each change alone, with the space's other properties kept."""
        apply("[space.a]\nports = ['6000:8080']\n")
        number = spaces()["a"]["number"]
        for more, what in (("nat = false", "loses NAT"), ("ip4 = '100.64.9.9'", "changes address; gets NAT"),
                           ("ip4 = '100.64.9.8'", "changes address"), ("", "changes address"),
                           ("state = 'down'", "goes down"), ("", "goes up")):
            with self.subTest(more):
                text = f"[space.a]\nports = ['6000:8080']\n{more}\n"
                self.assertEqual(steps(apply(text))["a"], ("change", what))
                self.assertEqual(apply(text)["steps"], [])
                self.assert_clean()
                self.assertEqual(spaces()["a"]["number"], number)
                self.check_serves("down" not in more)

    def test_a_new_address_leaves_the_processes_where_they_are(self):
        apply("[space.a]\nports = ['6000:8080']\n")
        with wh.serve("a", 8080), wh.killed_after(wh.start("sleep", "100", ns="a")) as process:
            apply("[space.a]\nports = ['6000:8080']\nip4 = '100.64.9.9'\n")
            self.assertIsNone(process.poll())
            self.assertEqual(wh.warren("identify", process.pid).stdout, "a\n")
            self.assert_reached(6000, "a")
            self.assert_clean()

    def test_going_down_asks_for_force_where_processes_live(self):
        wh.warren("add", "a")
        with wh.killed_after(wh.start("sleep", "100", ns="a")) as process:
            refused = wh.warren("apply", "-", check=False, input="[space.a]\nstate = 'down'\n")
            self.assertEqual(refused.returncode, 1)
            self.assertRegex(refused.stderr, rf"a.*{process.pid}.*--force")
            self.assertEqual(spaces()["a"]["state"], "up")
            apply("[space.a]\nstate = 'down'\n", "--force")
            self.assertEqual(process.wait(wh.patience()), -signal.SIGTERM)

    def test_a_port_without_a_host_port_keeps_the_one_it_got(self):
        apply("[space.a]\nports = ['8080', '6000:80']\n")
        got = {forward["spec"] for forward in spaces()["a"]["forwards"]}
        self.assertEqual(apply("[space.a]\nports = ['8080', '6000:80']\n")["steps"], [])
        apply("[space.a]\nports = ['8080', '9090', '6001:80']\n")
        now = {forward["spec"] for forward in spaces()["a"]["forwards"]}
        self.assertEqual(got - now, {"6000:80"})
        self.assertEqual(sorted(spec.split(":")[1] for spec in now - got), ["80", "9090"])
        self.assert_clean()

    def check_serves(self, is_up):
        if not is_up:
            return self.assertIsNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000, timeout=wh.SILENCE))
        with wh.serve("a", 8080):
            self.assert_reached(6000, "a")
        nat = spaces()["a"]["nat"]
        self.assertTrue(wh.ping("a", wh.WORLD4, timeout=None if nat else wh.SILENCE) or not nat)

    def test_nothing_of_others_is_touched(self):
        apply("[space.a]\nports = ['6000:8080']\n[space.b]\nports = ['6001:8080']\n")
        with wh.serve("a", 8080), wh.connection(wh.OUTSIDE, wh.UPLINK4, 6000) as line:
            wh.read_reply(line)
            apply("[space.a]\nports = ['6000:8080', '6002:8080']\n[space.c]\n", "--prune")
            self.assertTrue(wh.echoes(line))


class DownAndUp(FromFiles):
    def test_comes_back_the_same(self):
        wh.warren("add", "a", "-p", "6000:8080", "--ip4", "100.64.9.9")
        wh.warren("add", "b", "-p", "6001:8080")
        before = hoststate.everything()
        wh.warren("down", "a")
        self.assertEqual(spaces()["a"]["state"], "down")
        self.assertNotIn("a", hoststate.pins())
        self.assertNotIn("6000", hoststate.nft_table())
        self.assert_clean()
        wh.warren("up")  # what is wanted down stays down
        self.assertEqual(spaces()["a"]["state"], "down")
        self.assertEqual(wh.warren("add", "c", "-p", "6000:80", check=False).returncode, 1)  # the port is still a's
        wh.warren("up", "a")
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})

    def test_down_all_leaves_the_host_bare(self):
        bare = hoststate.kernel()
        apply(ALL_KINDS)
        up = hoststate.kernel()
        wh.warren("down", "--all")
        self.assertEqual(hoststate.difference(bare, hoststate.kernel()), {})
        self.assert_clean()
        wh.warren("up", *(name for name in spaces() if name != "rests"))
        self.assertEqual(hoststate.difference(up, hoststate.kernel()), {})

    def test_ports_of_a_space_that_is_down(self):
        wh.warren("add", "a", "-p", "6000:8080")
        wh.warren("down", "a")
        wh.warren("port", "add", "a", "6001:8080")
        wh.warren("port", "rm", "a", "6000")
        wh.warren("up", "a")
        with wh.serve("a", 8080):
            self.assert_reached(6001, "a")
            self.assertIsNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000, timeout=wh.SILENCE))

    def test_down_names_processes(self):
        wh.warren("add", "a")
        with wh.killed_after(wh.start("sleep", "100", ns="a")) as process:
            refused = wh.warren("down", "a", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertRegex(refused.stderr, rf"a: PID {process.pid} \(sleep 100\).*--force")
            self.assertEqual(spaces()["a"]["state"], "up")
            wh.warren("down", "a", "--force")
            self.assertEqual(process.wait(wh.patience()), -signal.SIGTERM)


class FirstConnection(FromFiles):
    """A space that `add` has made answers at once: a first packet that is lost costs a connection a second."""

    TIMES = 30

    @unittest.skipIf(tuple(map(int, os.uname().release.split(".")[:2])) < (6, 8), "a link cannot be settled before 6.8")
    def test_nothing_is_lost(self):
        for _ in range(self.TIMES):
            wh.warren("add", "a", "-p", "6000:8080")
            with wh.serve("a", 8080):
                for address in wh.UPLINK4, wh.UPLINK6:
                    with wh.connection(wh.OUTSIDE, address, 6000) as sock:
                        self.assertEqual((wh.read_reply(sock).server, wh.retransmissions(sock)), ("a", 0), address)
            counts = wh.run("cat", "/proc/net/dev", ns="a").stdout
            dropped = re.search(r"veth_a:(?:\s+\d+){11}\s+(\d+)", counts)  # the 12th: of what was to be sent
            self.assertEqual(dropped[1], "0", counts)
            wh.warren("rm", "a")


if __name__ == "__main__":
    wh.main()
