# SPDX-License-Identifier: GPL-2.0-or-later
"""`warren monitor` tells what happens to spaces, links and rules, by whomever, as it happens."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402



def sh(line, ns=wh.HOST):
    wh.run("sh", "-c", line, ns=ns)


class Monitor:
    """A running `warren monitor`, and the lines that it prints."""

    def __init__(self, *options):
        self.process = wh.start(wh.WARREN, "monitor", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_until_ready(self):
        """A link that comes down is told once it listens; before, nothing says that it does."""
        def told():
            sh("ip link add probe type veth peer name eborp && ip link set probe group 30561 && ip link del probe")
            return wh.wait_until(lambda: self.lines, 0.1)
        if not wh.wait_until(told):
            raise AssertionError("monitor tells nothing")
        time.sleep(wh.SILENCE)
        self.lines.clear()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        self.wait_until_ready()
        return self

    def __exit__(self, *_):
        self.stop()


class Told(wh.HostTest):
    """Each change with its event, in text."""

    maxDiff = None

    def setUp(self):
        hoststate.restore_store({})
        wh.warren("add", "web1", "-p", "6000:8080")
        self.monitor = self.enterContext(Monitor())

    def assert_told(self, action, *lines, also=()):
        """The action makes just these lines; `also` may be among them."""
        self.monitor.lines.clear()
        action()

        def told():
            return [line for line in list(self.monitor.lines) if line not in also]
        wh.wait_until(lambda: len(told()) >= len(lines))
        time.sleep(wh.SILENCE)
        self.assertCountEqual(told(), lines)

    def test_add_and_rm(self):
        self.assert_told(lambda: wh.warren("add", "web2", "-p", "6001:80", "-p", "53:53/udp"),
                         "space-added web2: number 3", "forward-added web2: tcp 6001 -> 80",
                         "forward-added web2: udp 53 -> 53")
        self.assert_told(lambda: wh.warren("rm", "web2"), "link-down: veth_web2_o", "link-gone: veth_web2_o",
                         "space-removed web2", also=["space-removing web2"])

    def test_down_and_up(self):
        self.assert_told(lambda: wh.warren("down", "web1"), "space-down web1", "link-down: veth_web1_o",
                         "link-gone: veth_web1_o")
        self.assert_told(lambda: wh.warren("up", "web1"), "space-up web1")

    def test_ports(self):
        self.assert_told(lambda: wh.warren("port", "add", "web1", "6001:80", "8000-8009"),
                         "forward-added web1: tcp 6001 -> 80", "forward-added web1: tcp 8000-8009")
        self.assert_told(lambda: wh.warren("port", "rm", "web1", "6001"), "forward-removed web1: tcp 6001 -> 80")

    def test_apply(self):
        self.assert_told(lambda: wh.warren("apply", "-", input="[space.web1]\nnat = false\n"),
                         "nat-changed web1: off", "forward-removed web1: tcp 6000 -> 8080")
        self.assert_told(lambda: wh.warren("apply", "-", input="[space.web1]\nnat = false\nip4 = '100.64.9.9'\n"),
                         "address-changed web1", also=("link-down: veth_web1_o", "link-gone: veth_web1_o"))

    def test_devices(self):
        link = "veth_2_o1"
        self.assert_told(lambda: wh.warren("dev", "add", "web1", "--type", "veth", "--ip", "192.0.2.2/24"),
                         "device-added web1: veth eth1")
        self.assert_told(lambda: wh.warren("apply", "-", input="[space.web1]\nports = ['6000:8080']\n[[space.web1.device]]\n"
                                           "type = 'veth'\nname = 'eth1'\nip = ['192.0.2.3/24']\n"),
                         "device-changed web1: veth eth1")
        self.assert_told(lambda: wh.warren("dev", "rm", "web1", "eth1"), "device-removed web1: veth eth1",
                         f"link-down: {link}", f"link-gone: {link}")

    def test_a_link_of_ours(self):
        self.assert_told(lambda: sh("ip link set veth_web1_o down"), "link-down: veth_web1_o")
        self.assert_told(lambda: wh.warren("up"))
        self.assert_told(lambda: sh("ip link del veth_web1", "web1"), "link-down: veth_web1_o", "link-gone: veth_web1_o")
        self.assert_told(lambda: wh.warren("up"))

    def test_links_of_others(self):
        self.assert_told(lambda: sh("ip link add other type veth peer name rehto; ip link set other up; ip link del other"))

    def assert_blamed(self, program, *command, more=()):
        """The process is told by its name, and its number as the machine itself counts."""
        self.monitor.lines.clear()
        wh.run(*command)
        wh.wait_until(lambda: len(self.monitor.lines) > len(more))
        time.sleep(wh.SILENCE)
        told = list(self.monitor.lines)
        self.assertRegex(told[0], rf"^ruleset-changed: by {program} \(PID \d+\)$")
        self.assertEqual(told[1:], list(more))

    def test_a_foreign_flush(self):
        self.assert_blamed("nft", "nft", "flush", "ruleset", more=["table-gone: inet warren; `warren up` puts it back"])
        wh.warren("up")
        sh("cp $(command -v nft) /run/firewalld")
        self.assert_blamed("firewalld", "/run/firewalld", "delete table inet warren",
                           more=["table-gone: inet warren; `warren up` puts it back"])
        wh.warren("up")

    def test_a_foreign_rule(self):
        self.assert_blamed("nft", "nft", "add table ip other")
        self.assert_blamed("nft", "nft", "delete table ip other")

    def test_what_warren_does_to_the_rules_is_no_news(self):
        sh("nft delete table inet warren")
        time.sleep(wh.SILENCE)
        self.assert_told(lambda: wh.warren("up"))

    def test_commands_that_change_nothing(self):
        self.assert_told(lambda: [wh.warren(*command, check=False) for command in (
            ("ls",), ("check",), ("up",), ("add", "web1"), ("rm", "none"), ("add", "web2", "--dry-run"))])

    def test_what_is_refused(self):
        with wh.killed_after(wh.start("sleep", "100", ns="web1")):
            self.assert_told(lambda: wh.warren("rm", "web1", check=False))


class Started(wh.HostTest):
    def test_json(self):
        """An object a line, at once."""
        hoststate.restore_store({})
        wh.warren("add", "web1")
        with Monitor("-o", "json") as monitor:
            wh.warren("add", "web2", "-p", "6001:80")
            sh("ip link set veth_web1_o down")
            wh.wait_until(lambda: len(monitor.lines) >= 3)
            self.assertEqual([json.loads(line) for line in monitor.lines],
                             [{"event": "space-added", "space": "web2", "detail": "number 3"},
                              {"event": "forward-added", "space": "web2", "detail": "tcp 6001 -> 80"},
                              {"event": "link-down", "space": None, "detail": "veth_web1_o"}])

    def test_before_there_is_a_store(self):
        hoststate.restore_store({})
        wh.run("rm", "-rf", "/var/lib/warren")
        with Monitor() as monitor:
            wh.warren("add", "web1")
            wh.wait_until(lambda: monitor.lines)
            self.assertEqual([line for line in monitor.lines], ["space-added web1: number 2"])

    def test_two_at_once(self):
        wh.warren("add", "web1")
        with contextlib.ExitStack() as stack:
            monitors = [stack.enter_context(Monitor()) for _ in range(2)]
            for monitor in monitors:
                monitor.lines.clear()
            wh.warren("port", "add", "web1", "6000:80")
            for monitor in monitors:
                wh.wait_until(lambda one=monitor: one.lines)
                self.assertEqual([line for line in monitor.lines], ["forward-added web1: tcp 6000 -> 80"])

    def test_many_changes(self):
        """Fifty spaces come and go: each is told, in order."""
        with Monitor() as monitor:
            text = "".join(f"[space.s{index}]\n" for index in range(50))
            wh.warren("apply", "-", input=text)
            wh.warren("rm", "--all")
            wh.wait_until(lambda: sum("space-removed" in line for line in list(monitor.lines)) == 50)
            told = [line.split(":")[0] for line in monitor.lines]
        self.assertNotIn("events-lost", told)
        for event in "added", "removed":
            names = [line.split()[1] for line in told if line.startswith(f"space-{event}")]
            self.assertEqual(sorted(names), sorted(f"s{index}" for index in range(50)))

    def test_it_ends_by_a_signal(self):
        """A shell shows 130, or 143."""
        wh.warren("add", "web1")
        for number in signal.SIGINT, signal.SIGTERM:
            with Monitor() as monitor:
                monitor.process.send_signal(number)
                self.assertIn(monitor.process.wait(wh.patience()), (0, -number))
                self.assertEqual(monitor.process.stderr.read(), "")

    def test_it_ends_when_nobody_reads(self):
        wh.warren("add", "web1")
        read, write = os.pipe()
        process = wh.start(wh.WARREN, "monitor", stdout=write, stderr=subprocess.DEVNULL)
        os.close(write)
        os.close(read)
        with wh.killed_after(process):
            def ended():
                sh("ip link add probe type veth peer name eborp && ip link set probe group 30561 && ip link del probe")
                return process.poll() is not None
            self.assertTrue(wh.wait_until(ended))

    def test_it_holds_nobody_up(self):
        """It takes no lock, and writes nothing."""
        wh.warren("add", "web1")
        before = hoststate.store_bytes()
        with Monitor():
            self.assertEqual(hoststate.store_bytes(), before)
            wh.warren("add", "web2")


if __name__ == "__main__":
    wh.main()
