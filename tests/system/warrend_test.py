# SPDX-License-Identifier: GPL-2.0-or-later
"""warrend as systemd runs it, with all the sandboxing of its unit: ready, watched, restarted without refusing anybody."""

import contextlib
import json
import os
import pathlib
import signal
import threading
import time
import unittest

import story
import systemhost as sh
import warrenhost as wh

PORT = 3306
INSIDE = [(name, address) for name in ("web1", "web2") for address in ("127.0.0.1", "::1")]


def main_pid():
    return int(sh.show("warrend.service", "MainPID"))


def listeners():
    """The listening sockets of the service in each space: what they are bound to, and which they are."""
    found = set()
    for name in "web1", "web2":
        lines = wh.run("ip", "netns", "exec", name, "ss", "-ltnHe", "sport", "=", PORT).stdout.splitlines()
        found |= {(name, line.split()[3], next(word for word in line.split() if word.startswith("ino:"))) for line in lines}
    return found


def served():
    """Does every space reach the service at each of its loopback addresses?"""
    replies = wh.connect_all(*((name, address, PORT) for name, address in INSIDE))
    return all(reply and reply.server == "db" for reply in replies)


class Clients:
    """Connects from a space again and again, until the block ends; counts what was answered and what was not."""

    def __init__(self, ns):
        self.ns, self.answered, self.refused, self.over = ns, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.body)

    def body(self):
        while not self.over.is_set():
            if wh.connect(self.ns, "127.0.0.1", PORT):
                self.answered += 1
            else:
                self.refused += 1

    def __enter__(self):
        self.thread.start()
        wh.wait_until(lambda: self.answered > 5)
        return self

    def __exit__(self, *_):
        answered = self.answered
        wh.wait_until(lambda: self.answered > answered + 5)
        self.over.set()
        self.thread.join()


@unittest.skipUnless(sh.installed("sbin/warrend"), "warrend is not installed")
class Running(story.Story, sh.SystemTest):
    boot = 1

    @classmethod
    def setUpClass(cls):
        sh.unit("db.service", f"[Service]\nExecStart={sh.serve_command(PORT, 'db')}\n[Install]\nWantedBy=multi-user.target\n")
        sh.systemctl("enable", "--now", "db.service")
        for number, name in enumerate(("web1", "web2")):
            wh.warren("add", name, "-p", f"{6000 + number}:8080")
        wh.warren("service", "add", "db", str(PORT), "--to", f"127.0.0.1:{PORT}", "--mode", "proxy")
        sh.systemctl("enable", "--now", "warren.service", "warrend.service", check=False)
        if not sh.active("warrend.service"):
            raise AssertionError(sh.journal("warrend.service"))

    def assertServed(self):
        self.assertIsNotNone(wh.wait_until(served), sh.journal("warrend.service"))

    def step_ready_means_served(self):
        self.assertEqual(sh.show("warrend.service", "ActiveState", "Type", "NRestarts"), ["active", "notify", "0"])
        self.assertTrue(served(), sh.journal("warrend.service"))

    def step_control_socket_is_systemds_and_roots(self):
        info = os.stat("/run/warren/warrend.sock")
        self.assertEqual((info.st_mode & 0o777, info.st_uid), (0o600, 0))
        self.assertTrue(sh.active("warrend.socket"))
        self.assertIn("warrend", wh.run("ss", "-lxpH", "src", "/run/warren/warrend.sock").stdout)

    def step_restart_refuses_nobody(self):
        before, pid = listeners(), main_pid()
        self.assertEqual(len(before), len(INSIDE))
        with Clients("web1") as one, Clients("web2") as two:
            for _ in range(3):
                sh.systemctl("restart", "warrend.service")
        self.assertEqual((one.refused, two.refused), (0, 0))
        self.assertNotEqual(main_pid(), pid)
        self.assertEqual(listeners(), before, "these are not the same sockets")

    def step_after_a_stop_there_are_new_ones(self):
        before = listeners()
        sh.systemctl("stop", "warrend.service")
        self.assertIsNotNone(wh.wait_until(lambda: not listeners()), "systemd keeps the listeners of a stopped warrend")
        sh.systemctl("start", "warrend.service")
        self.assertServed()
        self.assertFalse(listeners() & before)

    def step_reload(self):
        pid = main_pid()
        wh.warren("add", "web3")
        sh.systemctl("reload", "warrend.service")
        self.assertIsNotNone(wh.wait_until(lambda: wh.connect("web3", "127.0.0.1", PORT)))
        self.assertEqual(main_pid(), pid)

    def step_crash(self):
        os.kill(main_pid(), signal.SIGKILL)
        self.assertServed()

    def step_watchdog(self):
        """One that hangs is replaced."""
        limit = wh.patience(1)
        sh.unit("warrend.service.d/impatient.conf", f"[Service]\nWatchdogSec={limit:.1f}s\nTimeoutAbortSec=1s\n")
        sh.systemctl("restart", "warrend.service")
        time.sleep(3 * limit)
        self.assertEqual(sh.show("warrend.service", "NRestarts"), "0", "the watchdog bites one that is well")
        pid = main_pid()
        os.kill(pid, signal.SIGSTOP)
        self.assertIsNotNone(wh.wait_until(lambda: main_pid() not in (0, pid)))
        self.assertServed()
        self.assertIn("Watchdog timeout", sh.journal("warrend.service"))

    def step_mends_from_within_its_sandbox(self):
        """What it makes anew at /run/netns must be seen by everybody, not only by itself."""
        spoil = {"table": ["nft", "flush", "ruleset"], "link": ["ip", "link", "delete", "veth_web1_o"],
                 "route": ["ip", "route", "flush", "dev", "veth_web2_o"],
                 "namespace": ["sh", "-c", "umount /run/netns/web2 && rm /run/netns/web2"]}
        for what, command in spoil.items():
            with self.subTest(what=what):
                wh.run(*command)
                self.assertIsNotNone(wh.wait_until(clean), sh.journal("warrend.service")[-2000:])
                self.assertServed()
        self.assertIn("mended: ", sh.journal("warrend.service"))

    def step_logins_still_find_their_way(self):
        """Directories that were made by it are as those made by warren."""
        for path in "/run/warren", "/run/warren/sessions", "/run/netns":
            with contextlib.suppress(FileNotFoundError):
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o755, path)

    def step_sandbox_was_never_in_the_way(self):
        text = sh.journal("warrend.service")
        self.assertNotIn("not permitted", text)
        self.assertNotIn("ermission denied", text)
        status = pathlib.Path(f"/proc/{main_pid()}/status").read_text()
        self.assertIn("NoNewPrivs:\t1", status)
        self.assertIn("Seccomp:\t2", status)

    def step_without_it_all_else_goes_on(self):
        with wh.serve("web1", 8080):
            sh.systemctl("stop", "warrend.service", "warrend.socket")
            self.assertReached(6000, "web1")
            self.assertEqual(wh.connect("web1", wh.UPLINK4, 6000).server, "web1")
        sh.systemctl("start", "warrend.service")


def clean():
    return json.loads(wh.warren("-o", "json", "check", check=False).stdout) == {"faults": []}


@unittest.skipUnless(sh.installed("sbin/warrend"), "warrend is not installed")
class Rebooted(sh.SystemTest):
    boot = 2

    def test_services_are_back(self):
        self.assertIsNotNone(wh.wait_until(served), sh.journal("warrend.service"))
        self.assertEqual(sh.show("warrend.service", "NRestarts"), "0")
        self.assertClean()


if __name__ == "__main__":
    sh.main()
