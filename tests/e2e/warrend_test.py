#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""warrend as a daemon: started, started twice, stopped, killed, replaced; what it says of itself; what it mends."""

import contextlib
import fcntl
import json
import math
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import hoststate
import warrenhost as wh
from warrendhost import WARREND, DaemonTest, Manager, ask, echo, listening, status

EVENTS = "/run/warren/events.jsonl"
MOST_SETTLE = 0.4  # seconds, for which warrend lets noise settle at most before it looks
METRICS = "/run/warren/metrics.prom"


def events():
    with contextlib.suppress(FileNotFoundError), open(EVENTS) as file:
        return [json.loads(line) for line in file]
    return []


class Life(DaemonTest):
    def test_second_one_says_so_and_harms_nothing(self):
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        sock = self.open()
        self.assertTrue(wh.echoes(sock))
        second = wh.run(WARREND, check=False)
        self.assertEqual((second.returncode, second.stderr), (1, "warrend: another warrend is running already\n"))
        self.assertTrue(wh.echoes(sock))
        self.assertTrue(wh.echoes(self.open()))
        self.assertEqual(status()["pid"], self.daemon.pid)

    def test_wrong_options_and_no_root(self):
        for options in (["--idle-timeout", "soon"], ["--per-space", "0"], ["--what"]):
            self.assertNotEqual(wh.run(WARREND, *options, check=False).returncode, 0)
        result = wh.run("setpriv", "--reuid=65534", "--clear-groups", WARREND, check=False)
        self.assertEqual((result.returncode, result.stderr), (1, "warrend: needs root\n"))

    def test_control_socket_is_roots_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat("/run/warren/warrend.sock").st_mode), 0o600)
        self.assertIn("error", json.loads(ask(b"something else\n")))
        self.assertTrue(ask(b"metrics\n").startswith("# HELP"))
        idle = [socket.socket(socket.AF_UNIX) for _ in range(70)]  # who says nothing keeps nobody out for long
        for sock in idle:
            self.addCleanup(sock.close)
            sock.connect("/run/warren/warrend.sock")
        self.assertTrue(wh.wait_until(status))

    def test_metrics_are_whole_and_count(self):
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        self.assertTrue(wh.echoes(self.open()))
        lines = ask(b"metrics\n").splitlines()
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        self.assertEqual(samples['warren_service_connections_total{service="echo"}'], "1")
        self.assertEqual(samples['warren_space_connections{space="web1"}'], "1")
        self.assertEqual(samples["warren_proxy_listeners"], "2")
        self.assertTrue(wh.wait_until(lambda: 'service="echo"' in pathlib.Path(METRICS).read_text()))

    def test_list_of_services_tells_of_connections(self):
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        wh.warren("service", "add", "dns", 53, "--to", "100.64.0.1:53", "--mode", "nat")
        self.assertTrue(wh.echoes(self.open()))
        listed = {one["name"]: one["connections"] for one in wh.warren("service", "ls", json=True)}
        self.assertEqual(listed, {"dns": None, "echo": {"now": 1, "total": 1, "refused": 0, "failed": 0}})
        self.assertIn("1 now, 1 so far\n", wh.warren("service", "ls").stdout)
        self.stop_daemon()
        self.assertEqual([one["connections"] for one in wh.warren("service", "ls", json=True)], [None, None])
        self.daemon = self.start_daemon()

    def test_stop_lets_connections_end(self):
        wh.warren("add", "web1")
        heard, go = threading.Event(), threading.Event()
        self.service("slow", 3306, self.target(lambda c: (c.recv(9), heard.set(), go.wait(), c.sendall(b"answer"))).text)
        sock = self.open()
        sock.sendall(b"question")
        self.assertTrue(heard.wait(wh.patience()))
        self.daemon.terminate()
        self.assertTrue(wh.wait_until(lambda: not listening("web1", 3306), interval=0), "it takes new ones still")
        go.set()
        self.assertEqual(sock.recv(10), b"answer")
        self.assertEqual(self.daemon.wait(wh.patience()), 0)

    def test_stop_is_bounded(self):
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        sock = self.open()
        self.assertTrue(wh.echoes(sock))
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(wh.patience()), 0)  # though the connection stays open
        with self.assertRaises(ConnectionError):
            self.assertEqual(sock.recv(1), b"")
            raise ConnectionResetError

    def test_its_death_takes_only_what_it_relays(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.service("echo", 3306, self.target(echo).text)
        with wh.serve("web1", 8080):
            forward = self.open(wh.UPLINK4, 6000, ns=wh.OUTSIDE)
            wh.read_reply(forward)
            relayed = self.open()
            self.assertTrue(wh.echoes(relayed))
            self.daemon.kill()
            self.daemon.wait()
            self.assertTrue(wh.echoes(forward))
            self.assertFalse(wh.echoes(relayed))
            self.assertIsNotNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000))
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        self.daemon = self.start_daemon()
        self.assertTrue(wh.echoes(self.open()))

    def test_listener_that_the_loop_refuses_is_told_and_tried_again(self):
        wh.warren("add", "web1")
        target = self.target(echo)
        inject = wh.start("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=epoll_ctl", "-e",
                          "inject=epoll_ctl:error=ENOSPC", "-p", self.daemon.pid)
        with wh.killed_after(inject):
            tracer = f"TracerPid:\t{inject.pid}\n"
            self.assertTrue(wh.wait_until(lambda: all(
                tracer in task.read_text() for task in pathlib.Path(f"/proc/{self.daemon.pid}/task").glob("*/status"))))
            wh.warren("service", "add", "echo", 3306, "--to", target.text, "--mode", "proxy")
            told = wh.wait_until(lambda: "No space left on device" in self.said())
            inject.terminate()
            inject.wait()
        self.assertTrue(told, self.said())
        self.assertEqual(self.said().count("space web1: "), 2, "each place once\n" + self.said())
        wh.warren("service", "add", "other", 3307, "--to", target.text, "--mode", "proxy")  # a reason to look again
        self.assertTrue(wh.wait_until(lambda: listening("web1", 3306) == 2), "it is not tried again")
        self.assertTrue(wh.echoes(self.open()))
        self.assertEqual(status()["not_listening"], [])

    def test_store_that_is_just_being_made(self):
        """It found a file with nothing in it yet, and must not take that for the store."""
        self.stop_daemon()
        hoststate.restore_store({})
        os.makedirs("/var/lib/warren", 0o700, exist_ok=True)
        open("/var/lib/warren/warren.db", "w").close()
        self.daemon = self.start_daemon()
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        self.assertTrue(wh.echoes(self.open()))

    def test_reload_reads_the_store_again(self):
        wh.warren("add", "web1")
        self.service("echo", 3306, self.target(echo).text)
        self.daemon.send_signal(signal.SIGHUP)
        self.assertTrue(wh.wait_until(lambda: "reloaded: 1 services" in self.said()))
        self.assertTrue(wh.echoes(self.open()))
        wh.configure(nonsense=1)
        self.daemon.send_signal(signal.SIGHUP)
        self.assertTrue(wh.wait_until(lambda: "nonsense" in self.said()))
        os.unlink(wh.CONFIG)
        self.assertTrue(wh.echoes(self.open()))


class Managed(DaemonTest):
    """Under a service manager that speaks the protocol of sd_notify(3), file descriptor store and all."""

    def start_daemon(self, *more):
        self.manager = Manager([WARREND, *self.options, *more], self.log())
        self.addCleanup(self.manager.stop)
        self.assertTrue(self.manager.wait_for("READY=1"), self.manager.heard)
        return self.manager.process

    def stop_daemon(self):
        self.manager.stop()

    def test_says_what_it_does(self):
        self.assertTrue(self.manager.wait_for("WATCHDOG=1"))
        self.manager.process.send_signal(signal.SIGHUP)
        self.assertTrue(self.manager.wait_for("RELOADING=1"))
        self.assertTrue(self.manager.wait_for("READY=1", 2))
        self.manager.process.terminate()
        self.assertTrue(self.manager.wait_for("STOPPING=1"))

    def test_upgrade_drops_nobody(self):
        """Clients come all the time, and not one is refused while one warrend takes the place of the other."""
        wh.warren("add", "web1")
        served = []
        self.service("echo", 3306, self.target(lambda c: (echo(c), served.append(c))).text)

        def more(count):
            wanted = len(served) + count
            return wh.wait_until(lambda: len(served) >= wanted)
        inodes = wh.run("ss", "-Hlnte", "sport = :3306", ns="web1").stdout
        client = wh.start(sys.executable, "-c", CLIENT, ns="web1", stdout=subprocess.PIPE, text=True)
        with wh.killed_after(client):
            for _ in range(3):
                self.assertTrue(more(30))
                self.manager.restart()
                self.assertTrue(self.manager.wait_for("READY=1"))
            self.assertTrue(more(30))
            client.send_signal(signal.SIGINT)
            good, bad = map(int, client.communicate(timeout=wh.patience())[0].split())
        self.assertEqual(bad, 0)
        self.assertGreater(good, 100)
        self.assertIn("took 2 listeners over", self.said())
        self.assertEqual(wh.run("ss", "-Hlnte", "sport = :3306", ns="web1").stdout.count("ino:"), inodes.count("ino:"))

    def test_many_are_handed_over_in_one_descriptor(self):
        with open("/run/spaces.toml", "w") as file:
            file.writelines(f"[space.s{index}]\n" for index in range(100))
        wh.warren("apply", "/run/spaces.toml")
        for index in range(3):
            self.service(f"echo{index}", 3306 + index, self.target(echo).text, ns="s99")
        self.manager.halt()
        self.assertEqual([len(fds) for fds in self.manager.stored.values()], [1])
        self.manager.begin()
        self.assertTrue(self.manager.wait_for("READY=1"))
        self.assertIn("took 600 listeners over", self.said())
        self.assertEqual(status()["listeners"], 600)
        self.assertTrue(wh.echoes(self.open("::1", 3308, ns="s42")))

    def test_what_was_handed_over_and_is_wanted_no_more_is_closed(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        self.service("echo", 3306, self.target(echo).text, ns="web2")
        self.manager.halt()
        self.assertEqual(listening("web1", 3306), 2)  # by the manager alone
        wh.run("ip", "link", "add", "marker", "type", "veth", "peer", "name", "inside", "netns", "web1")
        wh.warren("rm", "web1", "--force")
        self.manager.begin()
        self.assertTrue(self.manager.wait_for("READY=1"))
        self.assertTrue(wh.wait_until(
            lambda: wh.run("ip", "link", "show", "marker", check=False).returncode != 0), "web1's namespace lives on")
        self.assertEqual(status()["listeners"], 2)
        self.assertEqual(self.manager.stored, {})

    def test_control_socket_by_activation(self):
        self.manager.halt()
        path = "/run/warren/warrend.sock"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        self.manager.given = [("control", listener.fileno())]
        self.manager.begin()
        self.assertTrue(self.manager.wait_for("READY=1"))
        self.assertEqual(status()["pid"], self.manager.process.pid)
        listener.close()


CLIENT = """
import socket, sys
good = bad = 0
try:
    while True:
        try:
            with socket.create_connection(("127.0.0.1", 3306), timeout=600) as sock:
                sock.sendall(b"x")
                good += sock.recv(1) == b"x" or 1 / 0
        except (OSError, ZeroDivisionError):
            bad += 1
except KeyboardInterrupt:
    print(good, bad)
"""


class Mends(DaemonTest):
    def setUp(self):
        for path in (EVENTS, EVENTS + ".1"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        super().setUp()
        wh.warren("add", "web1", "-p", "6000:8080")

    def assert_mended(self, break_it, *words):
        """It breaks, and soon all is whole again, and told."""
        before = len(events())
        break_it()
        event = wh.wait_until(lambda: events()[before:])
        self.assertTrue(event, "nothing was mended\n" + self.said())
        self.assertEqual(event[0]["event"], "mended", event)
        for word in words:
            self.assertIn(word, " ".join(event[0]["mended"]))
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        self.assertIn("mended: " + event[0]["mended"][0], self.said())
        self.assertGreater(status()["repairs"]["mended"], 0)
        with wh.serve("web1", 8080):
            self.assertIsNotNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000))

    def test_foreign_flush(self):
        self.assert_mended(lambda: wh.run("nft", "flush", "ruleset"), "table inet warren")

    def test_rule_of_ours_that_was_deleted(self):
        self.assert_mended(lambda: wh.run("nft", "flush", "chain", "inet", "warren", "forward"))

    def test_deleted_veth(self):
        self.assert_mended(lambda: wh.run("ip", "link", "del", "veth_web1_o"), "web1")

    def test_link_set_down(self):
        self.assert_mended(lambda: wh.run("ip", "link", "set", "veth_web1_o", "down"), "web1")

    def test_deleted_route(self):
        self.assert_mended(lambda: wh.run("ip", "route", "flush", "dev", "veth_web1_o"))

    def test_deleted_name(self):
        self.service("echo", 3306, self.target(echo).text)
        self.assert_mended(lambda: wh.run("ip", "netns", "del", "web1"), "web1")
        self.assertTrue(wh.wait_until(lambda: listening("web1", 3306) == 2))
        self.assertTrue(wh.echoes(self.open()))

    def test_deleted_name_of_which_no_word_came(self):
        """The kernel keeps so many events for one who does not read; what came after is lost."""
        most = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        self.enterContext(wh.killed_after(wh.start("sleep", "60", ns="web1")))  # keeps the links, which would tell, too
        self.daemon.send_signal(signal.SIGSTOP)

        def flood():
            for number in range(most + 100):
                path = f"/run/netns/.flood{number}"
                os.close(os.open(path, os.O_CREAT))
                os.unlink(path)
            wh.run("ip", "netns", "del", "web1")
            self.daemon.send_signal(signal.SIGCONT)

        before = len(events())
        flood()
        event = wh.wait_until(lambda: events()[before:], 5)
        self.assertTrue(event, "nothing was mended\n" + self.said())
        self.assertIn("lost notifications of names", event[0]["causes"])
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_own_changes_and_those_of_others_elsewhere_are_left_alone(self):
        wh.warren("add", "web2")
        wh.warren("rm", "web2")
        wh.run("nft", "add", "table", "inet", "other")
        wh.run("nft", "delete", "table", "inet", "other")
        wh.run("ip", "link", "add", "foreign", "type", "veth", "peer", "name", "foreign1")
        wh.run("ip", "link", "del", "foreign")
        time.sleep(MOST_SETTLE + wh.SILENCE)
        repairs = status()["repairs"]
        self.assertEqual((repairs["mended"], events()), (0, []))
        if wh.FACTOR < 3:  # a warren that works for longer than warrend waits is looked after
            self.assertEqual(repairs["looks"], 0)

    def test_waits_while_a_warren_is_at_work(self):
        with open("/run/warren/lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            wh.run("ip", "link", "del", "veth_web1_o")
            self.assertTrue(wh.stays(lambda: not events(), MOST_SETTLE + wh.SILENCE))
        self.assertTrue(wh.wait_until(events))

    def test_storm_is_damped_and_said_once(self):
        def counted(event):
            return [one["event"] for one in events()].count(event)

        def blow():
            wh.run("nft", "delete", "table", "inet", "warren", check=False)
            return counted("repairs-damped")
        self.assertTrue(wh.wait_until(blow, interval=0.05), self.said())
        before, began = counted("mended"), time.monotonic()
        wh.stays(lambda: blow() == 1, 4)
        # Each pause is twice as long as the one before, which was a second at least.
        most = 2 + math.log2(1 + time.monotonic() - began)
        self.assertLessEqual(counted("mended") - before, most)
        self.assertEqual(counted("repairs-damped"), 1)
        self.assertEqual(self.said().count("again and again"), 1)
        self.assertTrue(wh.wait_until(lambda: wh.warren("check", check=False).returncode == 0))

    def test_events_file_is_bounded(self):
        with open(EVENTS, "w") as file:
            file.write('{"event": "old"}\n' * 65536)
        wh.run("nft", "flush", "ruleset")
        self.assertTrue(wh.wait_until(lambda: os.path.getsize(EVENTS) < 4096))
        self.assertEqual(events()[0]["event"], "mended")
        self.assertGreater(os.path.getsize(EVENTS + ".1"), 1 << 20)


class Scale(DaemonTest):
    SPACES, SERVICES = 1000, 3

    def resident(self):
        with open(f"/proc/{self.daemon.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

    def test_listeners_of_a_thousand_spaces_are_back(self):
        target = self.target(echo)
        with open("/run/spaces.toml", "w") as file:
            file.writelines(f"[space.s{index}]\n" for index in range(self.SPACES))
        wh.warren("apply", "/run/spaces.toml", timeout=wh.patience(120))
        for index in range(self.SERVICES):
            self.service(f"echo{index}", 3306 + index, target.text, ns=f"s{self.SPACES - 1}")
        wanted = self.SPACES * self.SERVICES * 2
        self.assertTrue(wh.wait_until(lambda: status()["listeners"] == wanted))
        fresh = self.resident()
        self.daemon.kill()
        self.daemon.wait()
        begin = time.monotonic()
        self.daemon = wh.start(WARREND, stderr=self.log())

        def served():
            with contextlib.suppress(OSError), wh.connection(f"s{self.SPACES - 1}", "::1", 3308) as sock:
                return wh.echoes(sock)
        self.assertTrue(wh.wait_until(served))
        seconds = time.monotonic() - begin
        self.assertEqual(status()["listeners"], wanted)
        print(f"\n{wanted} listeners: back after {seconds:.3f} s, RSS {fresh:.1f} and {self.resident():.1f} MiB", flush=True)
        if not wh.SANITIZED:  # whose shadow memory is not warrend's
            self.assertLess(max(fresh, self.resident()), 30)


if __name__ == "__main__":
    wh.main()
