#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Being inside: exec and shell, what a process there sees, who is inside, adopting, and leaving nothing behind."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import termios

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh
from kernel import CONF6, hide_force_forwarding


def inside(space, *command, options=(), **run_options):
    """`warren exec`: the CompletedProcess."""
    return wh.warren("exec", space, *options, "--", *command, **{"check": False} | run_options)


class Spaces(wh.HostTest):
    def setUp(self):
        self.ends = contextlib.ExitStack()
        self.addCleanup(self.ends.close)

    def start(self, *command, **options):
        """A process that ends with the test."""
        return self.ends.enter_context(wh.killed_after(wh.start(*command, **options)))

    def sleeper(self, space, seconds=60):
        """A process inside, known to have got there."""
        process = self.start(wh.WARREN, "exec", space, "--", "sleep", seconds)
        self.assertTrue(wh.wait_until(lambda: command_line(process.pid)[:1] == ["sleep"]))
        return process


def command_line(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


class Exec(Spaces):
    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")

    def out(self, *command, **options):
        result = inside("web1", *command, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_exit_codes(self):
        for code in 0, 1, 3, 7, 255:
            self.assertEqual(inside("web1", "sh", "-c", f"exit {code}").returncode, code)
        for command, code in ("no-such-command", 127), ("/etc/passwd", 126):
            result = inside("web1", command)
            self.assertEqual(result.returncode, code)
            self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual(inside("nobody-here", "true").returncode, 1)

    def test_options_of_the_command_are_its_own(self):
        for words in (["--", "echo", "-u", "--", "-o"], ["echo", "-u", "--", "-o"]):
            with self.subTest(words=words):
                self.assertEqual(wh.warren("exec", "web1", *words, check=False).stdout, "-u -- -o\n")
        self.assertEqual(wh.warren("exec", "web1", "sh", "-c", "exit 5", check=False).returncode, 5)
        self.assertEqual(self.out("printf", "%s|", "", "a b", "*"), "|a b|*|")

    def test_death_by_signal_is_seen_by_the_parent(self):
        for number in signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV:
            result = inside("web1", "sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")
            self.assertEqual(result.returncode, -number)

    def test_signals_reach_the_command(self):
        process = self.start(wh.WARREN, "exec", "web1", "--", "sh", "-c",
                             "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.02; done",
                             stdout=subprocess.PIPE, text=True)
        self.ends.enter_context(process.stdout)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.terminate()
        self.assertEqual((process.stdout.readline(), process.wait(wh.patience())), ("caught\n", 9))

    def test_no_signal_is_ignored_or_blocked(self):
        status = dict(line.split(":\t") for line in self.out("cat", "/proc/self/status").splitlines())
        self.assertEqual({status[key].strip("0") for key in ("SigBlk", "SigIgn")}, {""})

    def test_streams_are_binary_clean(self):
        data = os.urandom(1 << 20)
        result = inside("web1", "sh", "-c", "tee /dev/stderr", input=data, text=False)
        self.assertTrue(result.stdout == data == result.stderr)

    def test_terminal(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        termios.tcsetwinsize(theirs, (33, 77))
        script = "tty; stty size; read x; echo got $x >/dev/tty"
        process = self.start(wh.WARREN, "exec", "web1", "--", "sh", "-c", script,
                             stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))
        name = os.ttyname(theirs)
        os.close(theirs)
        os.write(ours, b"hello\n")
        shown = wh.read_terminal(ours).splitlines()
        self.assertEqual(process.wait(wh.patience()), 0)
        self.assertEqual([line for line in shown if line != "hello"], [name, "33 77", "got hello"])

    def test_only_the_standard_descriptors(self):
        self.assertEqual(self.out("python3", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"),
                         "['0', '1', '2', '3']\n")  # 3 is the directory itself

    def test_a_descriptor_that_is_handed_on_stays(self):
        read, write = os.pipe()
        self.ends.callback(os.close, read)
        inside("web1", "sh", "-c", f"echo through >&{write}", pass_fds=[write], check=True)
        os.close(write)
        self.assertEqual(os.read(read, 100), b"through\n")

    def test_user(self):
        script = "id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME; grep CapEff /proc/self/status"
        lines = self.out("sh", "-c", script, options=["-u", "daemon"]).splitlines()
        self.assertEqual(lines, ["daemon", "daemon", "daemon", "/usr/sbin daemon daemon", "CapEff:\t" + "0" * 16])
        self.assertEqual(self.out("id", "-u", options=["-u", "1"]), "1\n")
        result = inside("web1", "id", options=["-u", "nobody-here"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("nobody-here", result.stderr)

    def test_environment_and_directory_are_kept(self):
        env = os.environ | {"MARK": "kept"}
        self.assertEqual(self.out("sh", "-c", "pwd; echo $MARK $WARREN_SPACE", cwd="/usr/share", env=env),
                         "/usr/share\nkept web1\n")

    def test_it_is_one_process(self):
        process = self.sleeper("web1")
        self.assertEqual(command_line(process.pid), ["sleep", "60"])

    def test_shell(self):
        env = os.environ | {"SHELL": "/bin/sh"}
        result = wh.warren("shell", "web1", input="echo $WARREN_SPACE; exit 4\n", env=env, check=False)
        self.assertEqual((result.stdout, result.returncode), ("web1\n", 4))


class View(Spaces):
    """What a process inside sees of /sys and /etc, and that the host sees none of it."""

    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")

    def test_sys_shows_the_interfaces_of_the_space(self):
        self.assertEqual(inside("web1", "ls", "/sys/class/net").stdout.split(), ["lo", "veth_web1"])
        self.assertIn("veth_web1_o", os.listdir("/sys/class/net"))

    def test_cgroups_stay(self):
        wh.run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
        self.addCleanup(wh.run, "umount", "/sys/fs/cgroup")
        self.assertEqual(inside("web1", "ls", "/sys/fs/cgroup").stdout, wh.run("ls", "/sys/fs/cgroup").stdout)
        self.assertTrue(os.path.exists("/sys/fs/cgroup/cgroup.procs"))

    def test_files_over_etc(self):
        self.own_etc("web1", {"resolv.conf": "nameserver 192.0.2.53\n", "not-in-etc": "x"})
        before = pathlib.Path("/etc/resolv.conf").read_text(), mounts()
        result = inside("web1", "cat", "/etc/resolv.conf")
        self.assertEqual((result.returncode, result.stdout), (0, "nameserver 192.0.2.53\n"))
        self.assertIn("not-in-etc", result.stderr)
        self.assertEqual((pathlib.Path("/etc/resolv.conf").read_text(), mounts()), before)
        wh.warren("add", "web2")
        self.assertEqual(inside("web2", "cat", "/etc/resolv.conf").stdout, before[0])

    def own_etc(self, space, files):
        directory = pathlib.Path("/etc/netns", space)
        directory.mkdir(parents=True)
        self.addCleanup(wh.run, "rm", "-r", directory)
        for name, text in files.items():
            (directory / name).write_text(text)


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text()


class WhoIsInside(Spaces):
    def setUp(self):
        super().setUp()
        for name in "web1", "web2":
            wh.warren("add", name)

    def test_ip_netns_works_on_spaces(self):
        process = self.sleeper("web1")
        names = [line.split()[0] for line in wh.run("ip", "netns", "list").stdout.splitlines()]
        self.assertEqual(sorted(names), [wh.OUTSIDE, "web1", "web2"])
        self.assertIn("veth_web1@", wh.run("ip", "netns", "exec", "web1", "ip", "-o", "link").stdout)
        self.assertEqual(wh.run("ip", "netns", "pids", "web1").stdout.split(), [str(process.pid)])
        self.assertEqual(wh.run("ip", "netns", "pids", "web2").stdout, "")
        self.assertEqual(wh.run("ip", "netns", "identify", process.pid).stdout, "web1\n")

    def test_pids_and_identify(self):
        process = self.sleeper("web1")
        shown = wh.warren("pids", "web1", "--by", "user").stdout
        self.assertEqual(shown, f"user root\n  {process.pid} sleep 60\n")
        listed = wh.warren("pids", "web1", json=True)
        self.assertEqual([(one["pid"], one["command"], one["user"]) for one in listed], [(process.pid, "sleep 60", "root")])
        self.assertEqual(wh.warren("pids", "web2", json=True), [])
        self.assertEqual(wh.warren("identify", process.pid).stdout, "web1\n")
        self.assertEqual(wh.warren("identify", process.pid, json=True)["space"], "web1")
        self.assertEqual(wh.warren("identify", os.getpid(), check=False).returncode, 1)
        self.assertEqual(wh.warren("identify", 999999, check=False).returncode, 1)

    def test_identify_trusts_nothing_inside(self):
        """A tenant may give his links whatever MAC and name he likes: the pin alone says whose space it is."""
        process = self.sleeper("web1")
        other = wh.warren("show", "web2", json=True)["mac"]
        wh.run("ip", "-n", "web1", "link", "set", "veth_web1", "down")
        for change in ("address", other), ("name", "mine"):
            wh.run("ip", "-n", "web1", "link", "set", "veth_web1", *change)
            with self.subTest(change):
                self.assertEqual(wh.warren("identify", process.pid).stdout, "web1\n")
        wh.run("ip", "-n", "web1", "link", "del", "mine")
        self.assertEqual(wh.warren("identify", process.pid).stdout, "web1\n", "and without any link")
        self.assertEqual(wh.warren("identify", os.getpid(), check=False).returncode, 1)
        wh.warren("up")

    def test_no_space_is_taken_for_the_host(self):
        for words in ["add", "web3"], ["up"], ["check"], ["port", "add", "web2", "80"], ["rm", "--all"]:
            with self.subTest(words=words):
                result = inside("web1", wh.WARREN, *words)
                self.assertEqual(result.returncode, 1)
                self.assertIn("inside of a space", result.stderr)
        self.assertEqual(len(inside("web1", "ip", "-o", "link").stdout.splitlines()), 2)
        self.assertEqual(len(wh.warren("ls", json=True)), 2)
        wh.warren("check")

    def test_a_namespace_that_is_no_space_is_not_entered(self):
        wh.run("ip", "netns", "add", "foreign")
        self.addCleanup(wh.run, "ip", "netns", "del", "foreign")
        for words in ("exec", "foreign", "--", "true"), ("shell", "foreign"), ("pids", "foreign"), ("run", "foreign", "--", "true"):
            with self.subTest(words=words):
                result = wh.warren(*words, check=False, stdin=subprocess.DEVNULL)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("there is no space 'foreign'; `warren ls` lists them", result.stderr)

    def test_a_space_that_is_down_is_not_entered(self):
        wh.warren("down", "web1")
        result = wh.warren("exec", "web1", "--", "true", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no space 'web1' is up; `warren ls` lists them, `warren up web1` starts one", result.stderr)

    def test_rm_names_who_is_inside(self):
        process = self.sleeper("web1")
        for words in (["rm", "web1"], ["rm", "web2", "web1"], ["rm", "--all"], ["down", "web1"]):
            with self.subTest(words=words):
                result = wh.warren(*words, check=False)
                self.assertEqual(result.returncode, 1)
                for text in "web1", f"PID {process.pid}", "sleep 60", "--force":
                    self.assertIn(text, result.stderr)
        self.assertEqual({space["state"] for space in wh.warren("ls", json=True)}, {"up"})
        self.assertTrue(wh.ping("web1", wh.WORLD4))
        self.assertIsNone(process.poll())

    def test_forced_rm_ends_them_and_nothing_else(self):
        ours, others = self.sleeper("web1"), [self.sleeper("web2"), self.start("sleep", "60")]
        stubborn = self.start(wh.WARREN, "exec", "web1", "--", "sh", "-c",
                              "trap '' TERM HUP; echo ready; while :; do sleep 1; done", stdout=subprocess.PIPE)
        self.ends.enter_context(stubborn.stdout)
        stubborn.stdout.readline()
        wh.warren("rm", "web1", "--force")
        self.assertEqual((ours.wait(wh.patience()), stubborn.wait(wh.patience())), (-signal.SIGTERM, -signal.SIGKILL))
        self.assertEqual([process.poll() for process in others], [None, None])
        self.assertEqual([space["name"] for space in wh.warren("ls", json=True)], ["web2"])

    def test_rm_leaves_nothing(self):
        wh.warren("rm", "--all")
        self.assertEqual(wh.run("nft", "list", "ruleset").stdout, "")
        links = {link["ifname"] for link in json.loads(wh.run("ip", "-j", "link").stdout)}
        self.assertEqual((links, os.listdir("/run/netns")), ({"lo", "uplink"}, [wh.OUTSIDE]))
        routes = wh.run("ip", "route").stdout + wh.run("ip", "-6", "route").stdout + wh.run("ip", "address").stdout
        self.assertNotRegex(routes, r"100\.64\.|\bfd[0-9a-f]{2}:")


class Adopt(Spaces):
    def setUp(self):
        super().setUp()
        self.guest = self.start("unshare", "--net", "sleep", "60")
        own = os.stat("/proc/self/ns/net").st_ino
        self.assertTrue(wh.wait_until(lambda: os.stat(self.netns()).st_ino != own
                                      and command_line(self.guest.pid)[:1] == ["sleep"]))

    def netns(self):
        return f"/proc/{self.guest.pid}/ns/net"

    def assert_works(self, name):
        with wh.serve(name, 8080):
            for address, client in (wh.UPLINK4, wh.OUTSIDE4), (wh.UPLINK6, wh.OUTSIDE6):
                self.assertEqual(wh.connect(wh.OUTSIDE, address, 6000).peer, client)
        self.assertTrue(wh.ping(name, wh.WORLD4) and wh.ping(name, "127.0.0.1"))
        self.assertEqual(os.stat(f"/run/netns/{name}").st_ino, os.stat(self.netns()).st_ino)
        wh.warren("check")

    def assert_left_alone(self):
        self.assertIsNone(self.guest.poll())
        links = wh.run("nsenter", f"--net={self.netns()}", "ip", "-o", "link").stdout
        self.assertEqual(len(links.splitlines()), 1, "more than lo is left: " + links)

    def test_by_pid(self):
        wh.warren("adopt", "guest", "--pid", self.guest.pid, "-p", "6000:8080")
        self.assert_works("guest")
        self.assertEqual(wh.warren("identify", self.guest.pid).stdout, "guest\n")
        wh.warren("rm", "guest")
        self.assert_left_alone()

    def test_by_path_and_forced_rm(self):
        wh.warren("adopt", "guest", "--path", self.netns(), "-p", "6000:8080")
        self.assert_works("guest")
        wh.warren("rm", "guest", "--force")
        self.assert_left_alone()

    def test_of_what_is_no_namespace(self):
        os.mkfifo("/run/fifo")
        self.addCleanup(os.unlink, "/run/fifo")
        for words in ["--path", "/etc/passwd"], ["--path", "/no/such/file"], ["--pid", "999999"], ["--path", "/run/fifo"], \
                ["--path", f"/proc/{self.guest.pid}/ns/mnt"]:
            with self.subTest(words=words):
                self.assertEqual(wh.warren("adopt", "guest", *words, check=False, timeout=10).returncode, 1)
        self.assertEqual(wh.warren("ls", json=True), [])

    def test_of_a_namespace_with_a_default_route(self):
        inside = ["nsenter", f"--net={self.netns()}", "ip"]
        wh.run(*inside, "link", "set", "lo", "up")
        wh.run(*inside, "route", "add", "default", "via", "127.0.0.9", "dev", "lo")
        result = wh.warren("adopt", "guest", "--pid", self.guest.pid, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("default IPv4 route already", result.stderr)
        self.assertEqual(wh.warren("ls", json=True), [])
        self.assert_left_alone()
        self.assertIn("127.0.0.9", wh.run(*inside, "route").stdout)

    def test_of_the_hosts_own_namespace(self):
        before = wh.run("ip", "route").stdout, wh.run("ip", "-6", "route").stdout
        result = wh.warren("adopt", "guest", "--pid", os.getpid(), check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("the host's own", result.stderr)
        self.assertEqual((wh.run("ip", "route").stdout, wh.run("ip", "-6", "route").stdout), before)

    def test_of_another_space(self):
        wh.warren("add", "web1")
        result = wh.warren("adopt", "guest", "--path", "/run/netns/web1", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("space web1", result.stderr)
        wh.warren("check")


class DefaultRoute(Spaces):
    """A host that learnt its IPv6 default route from a router keeps it, and goes on listening, when it becomes one."""

    def setUp(self):
        super().setUp()
        wh.run("ip", "-6", "route", "del", "default")
        self.addCleanup(wh.run, "ip", "-6", "route", "add", "default", "via", "2001:db8::1", "dev", "uplink")
        self.router = next(line.split()[3].split("/")[0] for line in
                           wh.run("ip", "-o", "-6", "address", "show", "dev", "eth0", ns=wh.OUTSIDE).stdout.splitlines()
                           if " fe80:" in line)
        self.addCleanup(self.advertise, 0)
        self.advertise(1800)
        self.assertTrue(wh.wait_until(self.default_route), "the host takes no router advertisement")

    def advertise(self, lifetime):
        mac = wh.mac_of(wh.OUTSIDE, "eth0")
        wh.send_frame(wh.OUTSIDE, "eth0", wh.ra_frame(mac, self.router, "2001:db8:aaaa::", lifetime))

    def default_route(self):
        return wh.run("ip", "-6", "route", "show", "default", "proto", "ra").stdout

    def assert_kept_and_listening(self):
        self.assertIn(f"via {self.router}", self.default_route())
        self.advertise(0)
        self.assertTrue(wh.wait_until(lambda: not self.default_route()), "the host is deaf to its router")
        self.advertise(1800)
        self.assertTrue(wh.wait_until(self.default_route))

    def assert_kept_through_a_life(self, whole_host):
        wh.warren("add", "web1")
        self.assertEqual((CONF6 / "all/forwarding").read_text(), f"{whole_host:d}\n")
        self.assertTrue(wh.ping("web1", wh.WORLD6))
        self.assert_kept_and_listening()
        wh.warren("check")
        wh.warren("rm", "web1")
        self.assert_kept_and_listening()

    def settings(self):
        return [(CONF6 / key).read_text() for key in
                ("all/forwarding", "default/forwarding", "uplink/forwarding", "uplink/accept_ra", "all/accept_ra")]

    def test_with_a_switch_per_interface(self):
        before = self.settings()
        self.assert_kept_through_a_life(whole_host=False)
        self.assertEqual(self.settings(), before)

    def test_with_a_switch_for_the_whole_host_only(self):
        hide_force_forwarding(self)
        before = self.settings()
        self.assert_kept_through_a_life(whole_host=True)
        self.assertEqual(self.settings(), before)


if __name__ == "__main__":
    wh.main()
