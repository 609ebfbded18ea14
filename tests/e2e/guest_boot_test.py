# SPDX-License-Identifier: GPL-2.0-or-later
"""warren run --boot: a guest whose PID 1 is a program of its own, systemd at best; its root is nobody on the host."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402

DEBIAN = pathlib.Path("/var/cache/warren-test/rootfs")  # tests/system/image.sh makes it
CGROUPS = pathlib.Path("/sys/fs/cgroup")


class BootTest(wh.HostTest):
    def setUp(self):
        if wh.run("mount", "-t", "cgroup2", "cgroup2", CGROUPS, check=False).returncode:
            self.skipTest("no cgroup2 can be mounted here")
        self.addCleanup(lambda: wh.run("umount", CGROUPS))
        wh.warren("add", "web1", "-p", "6022:22")


class AnyProgram(BootTest):
    """PID 1 is whatever was named: it need not be an init, nor well-behaved."""

    def start(self, *words, **options):
        command = wh.WARREN, "run", "web1", "--boot", *words
        process = wh.start(*command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def test_ends_with_warren_run_however_it_began(self):
        """Whoever gives up what ends a process with its parent, or becomes another user, ends all the same."""
        wait = "sh", "-c", "echo ready; exec sleep 777"
        for words in (("--", "setpriv", "--pdeathsig", "clear", *wait), ("-u", "1000", "--", *wait)):
            with self.subTest(words=words):
                before = guests.processes()
                process = self.start(*words)
                process.kill()
                process.wait()
                self.assertTrue(wh.wait_until(lambda: guests.processes() == before), guests.processes() - before)

    def test_is_alone_with_what_it_starts(self):
        said = guests.script("web1", "echo $$; ls -d /proc/[0-9]*; cat /proc/1/comm; "
                             "grep ^0: /proc/self/cgroup; sort -nu /sys/fs/cgroup/cgroup.procs | head -n 1", "--boot").split()
        self.assertEqual(said, ["1", "/proc/1", "sh", "0::/", "1"])  # no PID 0: nobody of outside is in its cgroup

    def test_a_key_of_the_keyboard_halts_it(self):
        """The whole process group of warren run gets SIGINT; the guest gets what tells an init to halt, and no more."""
        code = ("import signal, sys; wanted = {signal.SIGINT, signal.SIGRTMIN + 3}; "
                "signal.pthread_sigmask(signal.SIG_BLOCK, wanted); print('ready', flush=True); "
                "sys.exit(7 if signal.sigwait(wanted) == signal.SIGRTMIN + 3 else 8)")
        process = self.start("--", "/usr/bin/python3", "-c", code, start_new_session=True)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(10), 7)

    def test_exit_status(self):
        for script, status in (("exit 9", 9), ("kill -KILL $$; exit 3", 3)):  # PID 1 is not killed from inside
            self.assertEqual(guests.run("web1", "--boot", "--", "sh", "-c", script, check=False).returncode, status)
        got = guests.run("web1", "--boot", "--", "/no/such", check=False)
        self.assertEqual(got.returncode, 127)
        self.assertIn("/no/such", got.stderr)
        got = guests.run("web1", "--boot", "-u", "nosuch", "--", "true", check=False)
        self.assertEqual(got.returncode, 2)
        self.assertIn("nosuch", got.stderr)


@unittest.skipUnless((DEBIAN / "sbin/init").exists(), f"no Debian in {DEBIAN}: tests/system/image.sh makes it")
class Boot(BootTest):
    def setUp(self):
        super().setUp()
        guests.own_map("web1")
        self.base = guests.first_id("web1")
        top = self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        wh.run("cp", "-a", DEBIAN, f"{top}/tree")
        self.tree = f"{top}/tree"

    @contextlib.contextmanager
    def booted(self):
        process = subprocess.Popen([wh.WARREN, "run", "web1", "--rootfs", self.tree, "--boot"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with wh.killed_after(process):
            self.assertTrue(wh.wait_until(lambda: wh.python(wh.OUTSIDE, "import socket; print(socket.create_connection("
                                          "('203.0.113.10', 6022), 1).recv(7))", check=False).stdout.strip() == "b'SSH-2.0'",
                                          30, 0.2), "its sshd does not answer through the forward")
            yield process

    def left(self):
        return [path for path in CGROUPS.glob("**/warren-run-*") if path.is_dir()]

    def test_services_run_and_it_halts(self):
        before = guests.processes()
        with self.booted() as process:
            owners = set(wh.run("ps", "-e", "-o", "uid=,comm=").stdout.replace("(sd-pam)", "").split("\n"))
            self.assertTrue(any(line.split() == [str(self.base), "systemd-journal"] for line in owners), owners)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.left(), [])
        self.assertTrue(wh.wait_until(lambda: guests.processes() == before), guests.processes())
        self.assertEqual(os.stat(f"{self.tree}/var/log").st_uid, 0)  # on disk all is root's still

    def test_kill_9(self):
        before = guests.processes()
        with self.booted() as process:
            process.kill()
            process.wait()
            self.assertTrue(wh.wait_until(lambda: guests.processes() == before), guests.processes())
        with self.booted():
            self.assertEqual(len(self.left()), 1)  # the one of the guest that was killed is gone


if __name__ == "__main__":
    wh.main()
