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

    def left(self):
        return [path for path in CGROUPS.glob("**/warren-run-*") if path.is_dir()]


class AnyProgram(BootTest):
    """PID 1 is whatever was named: it need not be an init, nor well-behaved."""

    HALT = ("import signal, sys; wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGRTMIN + 3}; "
            "signal.pthread_sigmask(signal.SIG_BLOCK, wanted); print('ready', flush=True); "
            "sys.exit(7 if signal.sigwait(wanted) == signal.SIGRTMIN + 3 else 8)")

    def start(self, *words, **options):
        command = wh.WARREN, "run", "web1", "--boot", *words
        process = wh.start(*command, stdout=subprocess.PIPE, text=True, **{"stdin": subprocess.DEVNULL} | options)
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
        said = guests.script("web1", "echo $$; ls -d /proc/[0-9]*; cat /proc/1/comm; grep ^0: /proc/self/cgroup; "
                             "sort -nu /sys/fs/cgroup/cgroup.procs | head -n 1", "--boot").split()
        self.assertEqual(said, ["1", "/proc/1", "sh", "0::/", "1"])  # no PID 0: nobody of outside is in its cgroup

    def test_a_key_of_the_keyboard_halts_it(self):
        """The whole process group of warren run gets SIGINT; the guest gets what tells an init to halt, and no more."""
        process = self.start("--", "/usr/bin/python3", "-c", self.HALT, start_new_session=True)
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(wh.patience()), 7)

    def test_what_is_sent_to_all_halts_it_too(self):
        """As systemd does that stops a unit: not only warren run gets it."""
        process = self.start("--", "/usr/bin/python3", "-c", self.HALT)
        keeper, = map(int, wh.run("pgrep", "-P", process.pid).stdout.split())
        os.kill(keeper, signal.SIGTERM)
        os.kill(process.pid, signal.SIGTERM)
        self.assertEqual(process.wait(wh.patience()), 7)

    def test_many_at_once(self):
        for _ in range(3):
            many = [wh.start(wh.WARREN, "run", "web1", "--boot", "--", "true", stderr=subprocess.PIPE, text=True)
                    for _ in range(10)]
            self.assertEqual([(process.communicate(timeout=wh.patience(30))[1], process.returncode) for process in many], [("", 0)] * 10)
        self.assertEqual(self.left(), [])

    def test_another_start_leaves_its_cgroups(self):
        process = self.start("--", "sh", "-c", "mkdir /sys/fs/cgroup/svc; echo ready; read wait", stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        own, = self.left()
        os.kill(process.pid, signal.SIGSTOP)  # nor does it need to be awake for that
        self.assertEqual(guests.output("web1", "--boot", "--", "echo", "other"), "other")
        self.assertTrue((own / "svc").is_dir())
        os.kill(process.pid, signal.SIGCONT)

    def test_cgroups_beyond_a_path_go(self):
        """What the guest has nested, and what one without limits would have left."""
        nest = ("import os, sys\nos.chdir(sys.argv[1])\nfor n in range(int(sys.argv[3])):\n"
                "    os.mkdir(sys.argv[2]); os.chdir(sys.argv[2])\nprint('ready', flush=True)\n")
        self.start("--", "/usr/bin/python3", "-c", nest, "/sys/fs/cgroup", "long" * 60, "60").wait(wh.patience())
        self.assertEqual(self.left(), [])
        own = pathlib.Path("/proc/self/cgroup").read_text().split("0::/")[1].strip()
        stale = CGROUPS / own / "warren-run-1"
        stale.mkdir()
        wh.run("/usr/bin/python3", "-c", nest, stale, "deep" * 5, "300")
        guests.run("web1", "--boot", "--", "true")
        self.assertEqual(self.left(), [])

    def test_it_cannot_make_cgroups_without_end(self):
        said = guests.script("web1", "exec 2>/dev/null; cd /sys/fs/cgroup; cat cgroup.max.*; echo max >cgroup.max.depth; "
                             "n=0; while mkdir d; do cd d; n=$((n+1)); done; echo $n", "--boot").split()
        self.assertEqual(said, ["64", "4096", "64"])

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

    def test_services_run_and_it_halts(self):
        before = guests.processes()
        with self.booted() as process:
            owners = set(wh.run("ps", "-e", "-o", "uid=,comm=").stdout.replace("(sd-pam)", "").split("\n"))
            self.assertTrue(any(line.split() == [str(self.base), "systemd-journal"] for line in owners), owners)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(wh.patience()), 0)
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
