# SPDX-License-Identifier: GPL-2.0-or-later
"""warren run --boot: systemd as PID 1 of a guest, whose root is nobody on the host."""

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


@unittest.skipUnless((DEBIAN / "sbin/init").exists(), f"no Debian in {DEBIAN}: tests/system/image.sh makes it")
class Boot(wh.HostTest):
    def setUp(self):
        if wh.run("mount", "-t", "cgroup2", "cgroup2", CGROUPS, check=False).returncode:
            self.skipTest("no cgroup2 can be mounted here")
        self.addCleanup(lambda: wh.run("umount", CGROUPS))
        wh.warren("add", "web1", "-p", "6022:22")
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

    def test_console(self):
        """systemd says there what it does, and a login is had there."""
        os.unlink(f"{self.tree}/etc/systemd/system/console-getty.service")  # the tree's, which masks it
        operator = guests.Operator("web1", "--rootfs", self.tree, "--boot")
        self.addCleanup(operator.close)
        self.assertTrue(operator.sees("Reached target", 30), operator.said)
        self.assertTrue(operator.sees("login:", 30), operator.said)
        operator.type(b"\x1d\x1d\x1d")
        self.assertEqual(operator.ended(), 137)

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
