# SPDX-License-Identifier: GPL-2.0-or-later
"""warren run: namespaces, what is passed through, what is kept out, and what is left when it ends."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402
from guests import output, run, script  # noqa: E402

PYTHON = "/usr/bin/python3"  # one that everybody may run
KINDS = "user", "mnt", "pid", "uts", "ipc", "cgroup", "net"
# Each as any process may call it, so that EPERM is the filter's word: keyctl, add_key, bpf, perf_event_open,
# userfaultfd, io_uring_setup, socket(AF_VSOCK), ioctl(TIOCSTI).
REFUSED = """
import ctypes, errno, json, fcntl, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    ctypes.set_errno(0)
    libc.syscall(*args)
    return errno.errorcode.get(ctypes.get_errno(), "ok")
found = {name: call(number, *args) for name, number, *args in [
    ("keyctl", 250, 0, -3, 0), ("add_key", 248, b"user", b"x", b"y", 1, -2), ("bpf", 321, 99, 0, 0),
    ("perf", 298, 0, 0, -1, -1, 0), ("uffd", 323, 1), ("uring", 425, 1, 0), ("kexec", 246, 0, 0, 0, 0),
    ("module", 175, 0, 0, b""), ("handle", 304, -1, 0, 0), ("swapon", 167, b"/x", 0), ("vsock", 41, 40, 1, 0),
    ("sti", 16, 0, 0x5412, 0)]}
found["mount works"] = call(165, b"none", b"/mnt", b"tmpfs", 0, 0)
print(json.dumps(found))
"""


class Passing(wh.HostTest):
    """One space without a map of its own."""

    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080")

    def test_root_inside_is_nobody_on_the_host(self):
        self.assertEqual(script("web1", "id -u; id -g; id -G").split(), ["0", "0", "0"])
        with guests.running("web1") as process:
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
            wh.wait_until(lambda: len(children.read_text().split()) == 1)  # what prepared it may not be reaped yet
            status = pathlib.Path(f"/proc/{children.read_text().strip()}/status").read_text()
            base = str(guests.first_id("web1"))
            self.assertIn("Uid:\t" + "\t".join([base] * 4), status)
            self.assertIn("Gid:\t" + "\t".join([base] * 4), status)

    def test_each_namespace_is_another(self):
        inside = json.loads(output("web1", "--", PYTHON, "-c", "import os, json; print(json.dumps("
                                   f"{{k: os.readlink('/proc/self/ns/' + k) for k in {KINDS!r}}}))"))
        for kind in KINDS:
            self.assertNotEqual(inside[kind], os.readlink(f"/proc/self/ns/{kind}"), kind)
        self.assertEqual(inside["net"], f"net:[{os.stat('/run/netns/web1').st_ino}]")

    def test_exit_status(self):
        for command, status in (("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)):
            self.assertEqual(run("web1", "--", "sh", "-c", command, check=False).returncode, status)
        missing = run("web1", "--", "/no/such", check=False)
        self.assertEqual((missing.returncode, missing.stderr), (127, "warren: run /no/such: No such file or directory\n"))
        self.assertEqual(run("web1", "--", "/etc/passwd", check=False).returncode, 126)

    def test_standard_streams(self):
        got = run("web1", "--", "sh", "-c", "cat; echo err >&2", input="some text")
        self.assertEqual((got.stdout, got.stderr), ("some text", "err\n"))

    def test_options_of_the_command_are_its_own(self):
        self.assertEqual(output("web1", "echo", "--user", "-x"), "--user -x")
        for word in "[a,b]", "[ -e / ]", "--", "-":  # what a parser of options might take apart
            for command in "run", "exec":
                self.assertEqual(wh.warren(command, "web1", "--", "echo", word).stdout, word + "\n")
        self.assertEqual(output("web1", "--hostname", "h1", "uname", "-n"), "h1")

    def test_signals_reach_the_command(self):
        trap = "trap 'echo {0}; exit 5' {0}; echo ready; while :; do sleep 0.05; done"
        for name in "TERM", "INT", "HUP", "USR1":
            with self.subTest(signal=name):
                process = subprocess.Popen([wh.WARREN, "run", "web1", "--", "sh", "-c", trap.format(name)],
                                           stdout=subprocess.PIPE, text=True)
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(getattr(signal, f"SIG{name}"))
                said, _ = process.communicate(timeout=wh.patience())
                self.assertEqual((said.strip(), process.returncode), (name, 5))

    def test_pid_1_reaps_and_ends_all(self):
        said = script("web1", "(sleep 0.1 &) ; sleep 0.3; ps -e -o stat= | grep -c Z; true")
        self.assertEqual(said, "0")
        before = guests.processes()
        run("web1", "--", "sh", "-c", "sleep 1000 & setsid sleep 1000 & exit 3", check=False)
        self.assertEqual(guests.processes(), before)

    def test_own_proc_host_name_and_devices(self):
        self.assertEqual(script("web1", "uname -n; ps -e -o pid= | head -1").split(), ["web1", "1"])
        self.assertEqual(script("web1", "ls /sys/class/net").split(), ["lo", "veth_web1"])
        nodes = script("web1", "ls /dev").split()
        self.assertEqual(nodes, sorted("fd full null ptmx pts random shm stderr stdin stdout tty urandom zero".split()))
        self.assertEqual(script("web1", "echo x >/dev/null && head -c 3 /dev/zero | wc -c"), "3")
        self.assertNotEqual(run("web1", "--", "mknod", "/dev/shm/sda", "b", "8", "0", check=False).returncode, 0)

    def test_nothing_open_leaks_in(self):
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        said = output("web1", "--", "ls", "/proc/self/fd", pass_fds=(write_end,))
        os.close(read_end), os.close(write_end)
        self.assertEqual(said.split(), ["0", "1", "2", "3"])  # 3 is ls's own

    def test_pid_1_cannot_be_looked_into(self):
        """It is a copy of a process of the host's root."""
        for what in "mem", "maps", "environ", "fd/0", "exe", "root/":
            got = run("web1", "--", "sh", "-c", f"readlink /proc/1/{what} || cat /proc/1/{what}", check=False)
            self.assertNotEqual(got.returncode, 0, what)
            self.assertEqual(got.stdout, "")
        attach = "import ctypes; print(ctypes.CDLL(None).ptrace(16, 1, 0, 0))"
        self.assertEqual(output("web1", "--", PYTHON, "-c", attach), "-1")

    def test_what_is_refused_to_guests(self):
        found = json.loads(output("web1", "--", PYTHON, "-c", REFUSED))
        self.assertEqual(found.pop("mount works"), "ok")
        self.assertEqual(set(found.values()), {"EPERM"}, found)
        self.assertEqual(script("web1", "grep -h -E '^(Seccomp|NoNewPrivs):' /proc/self/status").split(),
                         ["NoNewPrivs:", "0", "Seccomp:", "2"])

    def test_a_user_of_the_guest(self):
        self.assertEqual(script("web1", "id -un; echo $HOME", "-u", "daemon").split(), ["daemon", "/usr/sbin"])
        self.assertEqual(script("web1", "id -u", "-u", "4711"), "4711")
        for user, why in (("nosuch", "there is no user 'nosuch'"), ("600000", "an ID that the map leaves out")):
            got = run("web1", "-u", user, "--", "true", check=False)
            self.assertIn(why, got.stderr)
            self.assertNotEqual(got.returncode, 0)

    def test_web_server_through_a_forward(self):
        # TCPServer, since HTTPServer asks a name server who it is.
        serve = ("import http.server as h, socketserver as s; s.TCPServer(('', 8080), lambda *a: "
                 "h.SimpleHTTPRequestHandler(*a, directory='/usr/share/common-licenses')).serve_forever()")
        server = subprocess.Popen([wh.WARREN, "run", "web1", "--", PYTHON, "-c", serve], stderr=subprocess.DEVNULL)
        with wh.killed_after(server):
            fetch = ("import urllib.request as u; print(u.urlopen('http://203.0.113.10:6000/GPL-2')"
                     ".read().decode().split()[0:3])")
            got = wh.wait_until(lambda: wh.python(wh.OUTSIDE, fetch, check=False).stdout)
            self.assertEqual(got.strip(), "['GNU', 'GENERAL', 'PUBLIC']")

    def test_without_a_map_its_network_is_the_hosts(self):
        got = run("web1", "--", "ip", "address", "add", "10.1.1.1/32", "dev", "lo", check=False)
        self.assertIn("not permitted", got.stderr)


class Ending(wh.HostTest):
    """Whatever ends `warren run`, nothing of it stays."""

    def setUp(self):
        wh.warren("add", "web1")
        guests.own_map("web1")

    def state(self):
        return guests.processes(), guests.namespaces(), guests.mounts()

    def test_kill_9_while_it_runs(self):
        run("web1", "--", "true")
        before = self.state()
        with guests.tree() as top, guests.running("web1", "--rootfs", top, *guests.USR) as process:
            self.assertNotEqual(self.state()[:2], before[:2])
            process.kill()
            process.wait()
            self.assertTrue(wh.wait_until(lambda: self.state() == before), self.state())

    def test_kill_9_at_any_moment(self):
        run("web1", "--", "true")
        before = self.state()
        chance = random.Random(4)
        with guests.tree() as top:
            for _ in range(60):
                process = subprocess.Popen([wh.WARREN, "run", "web1", "--rootfs", top, *guests.USR, "--", "sleep", "9"])
                time.sleep(chance.uniform(0, 0.008))
                process.kill()
                process.wait()
            self.assertTrue(wh.wait_until(lambda: self.state() == before), self.state())

    def test_a_mistake_leaves_nothing(self):
        run("web1", "--", "true")
        before = self.state()
        run("web1", "-u", "nosuch", "--", "true", check=False)
        run("web1", "--rootfs", "/etc", "--", "true", check=False)
        self.assertTrue(wh.wait_until(lambda: self.state() == before))

    def test_a_space_goes_while_a_guest_of_another_runs(self):
        """The guest's copy of the mounts does not hold the other's namespace."""
        wh.warren("add", "web2")
        inode = os.stat("/run/netns/web2").st_ino
        with guests.running("web1"):
            wh.warren("rm", "web2")
            self.assertNotIn(str(inode), guests.namespaces())


class Mistakes(wh.HostTest):
    TABLE = (
        (["nosuch", "--", "true"], "there is no space 'nosuch'"),
        (["../x", "--", "true"], "cannot name a space"),
        (["web1", "--map", "none", "--", "true"], "there is no map 'none'"),
        (["web1", "--rootfs", "/no/such", "--", "true"], "/no/such: No such file"),
        (["web1", "--rootfs", "/etc/passwd", "--", "true"], "/etc/passwd is no directory"),
        (["web1", "--rootfs", "/proc", "--", "true"], "put the tree on ext4"),
        (["web1", "--bind", "/srv", "--", "true"], "bind '/srv': it says not where to"),
        (["web1", "--bind", "/srv:/srv:rx", "--", "true"], "only 'ro' may follow"),
        (["web1", "--bind", "srv:/srv", "--", "true"], "both paths begin with '/'"),
        (["web1", "--bind", "/srv:/", "--", "true"], "'/' is what --rootfs shows"),
        (["web1", "--bind", "/no/such:/srv", "--", "true"], "/no/such: No such file"),
        (["web1", "--hostname", "a b", "--", "true"], "host name 'a b'"),
        (["web1", "--hostname", "x" * 65, "--", "true"], "1 to 64"))

    def test_each_says_why(self):
        wh.warren("add", "web1")
        for words, why in self.TABLE:
            with self.subTest(words=words):
                got = run(*words, check=False)
                self.assertIn(got.returncode, (1, 2))
                self.assertIn(why, got.stderr)
                self.assertEqual(len(got.stderr.splitlines()), 1, got.stderr)


if __name__ == "__main__":
    wh.main()
