#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections from spaces through warrend to real targets: bytes, ends, headers, limits, and what they leave behind."""

import os
import resource
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh
from netns import enter
from warrendhost import LOOPBACKS, DaemonTest, descriptors, echo, listening, read_all, read_exactly, status


class ProxyTest(DaemonTest):
    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")


class Carries(ProxyTest):
    def test_every_kind_of_target_from_both_addresses(self):
        targets = [self.target(echo), self.target(echo, ("::1", 0)), self.target(echo, "/run/echo.sock")]
        for index, target in enumerate(targets):
            self.service(f"echo{index}", 3306 + index, target.text)
            for address in LOOPBACKS:
                with self.subTest(target=target.text, address=address):
                    sock = self.open(address, 3306 + index)
                    text = os.urandom(100_000)
                    sender = threading.Thread(target=sock.sendall, args=(text,))
                    sender.start()
                    self.assertEqual(read_exactly(sock, len(text)), text)
                    sender.join()

    def test_host_name_as_target(self):
        target = self.target(echo)
        port = target.text.rsplit(":", 1)[1]
        self.service("named", 3306, f"localhost:{port}")
        self.assertTrue(wh.wait_until(lambda: status()["services"][0]["addresses"]))
        self.assertTrue(wh.echoes(self.open()))

    def test_datagrams(self):
        with wh.serve(wh.HOST, 5353, "udp", addresses=("127.0.0.1",)) as server:
            self.service("dns", 53, "127.0.0.1:5353", "--udp")
            for address in LOOPBACKS:
                socks = [self.open(address, 53, proto="udp") for _ in range(3)]
                for index, sock in enumerate(socks):
                    sock.send(b"question %d" % index)
                for index, sock in enumerate(socks):  # each its own answer
                    self.assertTrue(sock.recv(1000).endswith(b"question %d" % index))
            self.assertEqual(len(set(server.peers)), 6)
        self.assertEqual(status()["connections"]["now"], 6)

    def test_bulk_both_ways_at_once_is_not_changed(self):
        self.service("echo", 3306, self.target(echo).text)
        sock = self.open()
        block = os.urandom(1 << 20)
        sender = threading.Thread(target=lambda: ([sock.sendall(block) for _ in range(64)],
                                                  sock.shutdown(socket.SHUT_WR)))
        sender.start()
        for _ in range(64):
            self.assertEqual(read_exactly(sock, len(block)), block)
        self.assertEqual(sock.recv(1), b"")
        sender.join()

    def test_header_names_the_space(self):
        space = wh.warren("show", "web1", json=True)
        for index, version in enumerate(("v1", "v2")):
            self.service(version, 3306 + index, self.target(lambda c: c.sendall(c.recv(4096))).text,
                         "--proxy-protocol", version)
            for address, own in zip(LOOPBACKS, (space["ipv4"], space["ipv6"])):
                with self.subTest(version=version, address=address):
                    sock = self.open(address, 3306 + index)
                    port = sock.getsockname()[1]
                    seen = sock.recv(4096)  # before the client has said a word
                    if version == "v1":
                        kind = 6 if wh.is6(address) else 4
                        self.assertEqual(seen.decode(), f"PROXY TCP{kind} {own} {address} {port} 3306\r\n")
                        continue
                    self.assertEqual(seen[:13], b"\r\n\r\n\0\r\nQUIT\n\x21")
                    size = 16 if wh.is6(address) else 4
                    family = wh.family_of(address)
                    self.assertEqual(socket.inet_ntop(family, seen[16:16 + size]), own)
                    self.assertEqual(struct.unpack("!HH", seen[16 + 2 * size:20 + 2 * size]), (port, 3307))
                    self.assertTrue(seen.endswith(b"\x30\0\x04web1"))


class Ends(ProxyTest):
    def test_client_closes_first_and_still_hears_the_answer(self):
        # That the client has closed is known long before the answer.
        self.service("late", 3306, self.target(lambda c: (read_all(c), time.sleep(wh.SILENCE), c.sendall(b"answer"))).text)
        for address in LOOPBACKS:
            sock = self.open(address)
            sock.sendall(b"question")
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(sock), b"answer")
        self.quiet()

    def test_target_closes_first_and_still_hears_the_client(self):
        heard = []

        def behave(connection):
            connection.sendall(b"greeting")
            connection.shutdown(socket.SHUT_WR)
            heard.append(read_all(connection))
        self.service("first", 3306, self.target(behave).text)
        sock = self.open()
        self.assertEqual(read_all(sock), b"greeting")
        sock.sendall(b"still here")
        sock.shutdown(socket.SHUT_WR)
        self.quiet()
        self.assertTrue(wh.wait_until(lambda: heard))  # by the target's own thread
        self.assertEqual(heard, [b"still here"])

    def test_nobody_there_is_a_reset_and_counted(self):
        self.service("gone", 3306, "127.0.0.1:1")
        with self.assertRaises(ConnectionError):
            self.open().recv(1)
        self.assertEqual(status()["services"][0]["failed"], 1)

    def test_share_of_a_space(self):
        self.stop_daemon()
        self.daemon = self.start_daemon("--per-space", "5")
        wh.warren("add", "web2")
        self.service("echo", 3306, self.target(echo).text, ns="web2")
        kept = [self.open() for _ in range(5)]
        self.assertTrue(all(wh.echoes(sock) for sock in kept))
        with self.assertRaises(ConnectionError):
            self.open().recv(1)
        self.assertTrue(wh.echoes(self.open(ns="web2")))  # another space has its own
        self.assertEqual(status()["spaces"]["web1"]["refused"], 1)
        kept.pop().close()
        self.assertTrue(wh.wait_until(lambda: status()["spaces"]["web1"]["now"] == 4))
        self.assertTrue(wh.echoes(self.open()))

    def test_without_descriptors_clients_wait(self):
        self.service("echo", 3306, self.target(echo).text)
        free = descriptors(self.daemon.pid)
        before = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (free + 9, before[1]))
        socks = [self.open() for _ in range(12)]
        for sock in socks:
            sock.sendall(b"x")
        ready = select.select(socks, [], [], wh.patience())[0]
        time.sleep(wh.SILENCE)
        served = len(select.select(socks, [], [], 0)[0])
        self.assertTrue(ready and served < 12, f"{served} of 12 were served with descriptors for a few")
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, before)
        self.assertEqual([sock.recv(1) for sock in socks], [b"x"] * 12)
        self.assertEqual(status()["connections"]["failed"], 0)
        self.assertGreater(status()["accept_pauses"], 0)


class Leaks(ProxyTest):
    """Ten thousand peers of the worst manners."""
    options = ("--idle-timeout", "1s", "--drain-timeout", "1s", "--per-space", "100000")
    COUNT = 10_000

    def reset(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def half_close(self, sock):
        sock.shutdown(socket.SHUT_WR)
        self.held.append(sock)

    def be_silent(self, sock):
        self.held.append(sock)

    def stop_reading(self, sock):
        sock.sendall(b"much\n")
        self.held.append(sock)

    @staticmethod
    def behave(connection):
        """Answers much to who asks for it, and never closes by itself but when told by an end."""
        if connection.recv(16) == b"much\n":
            connection.sendall(b"x" * (8 << 20))
        connection.recv(1)

    def test_ten_thousand_bad_peers_leave_nothing(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.service("bad", 3306, self.target(self.behave, backlog=4096).text)
        self.assertIsNotNone(self.open())
        self.quiet()
        before = descriptors(self.daemon.pid)
        for start in range(0, self.COUNT, 400):
            self.held = []
            for index in range(start, min(start + 400, self.COUNT)):
                sock = self.sockets.connect()
                (self.reset, self.half_close, self.be_silent, self.stop_reading)[index % 4](sock)
            for sock in self.held:
                sock.close() if start % 800 else self.reset(sock)
        self.quiet()
        self.assertEqual(status()["connections"]["total"], self.COUNT + 1)
        # Pipes and sockets for the next connection may be kept, a bounded number of them.
        self.assertLessEqual(descriptors(self.daemon.pid), before + 2 * 32 + 3)

    def setUp(self):
        super().setUp()
        self.sockets = self.Sockets("web1", 3306)
        self.addCleanup(self.sockets.stop)

    class Sockets:
        """Connections from within a space, all made by one thread that lives there."""

        def __init__(self, ns, port):
            self.address = ("127.0.0.1", port)
            self.wanted, self.made = threading.Semaphore(0), threading.Semaphore(0)
            self.sock, self.stopping = None, False
            self.thread = threading.Thread(target=self._run, args=(ns,), daemon=True)
            self.thread.start()

        def _run(self, ns):
            enter(ns)
            while self.wanted.acquire() and not self.stopping:
                self.sock = socket.socket()
                self.sock.connect(self.address)
                self.made.release()

        def connect(self):
            self.wanted.release()
            self.made.acquire()
            return self.sock

        def stop(self):
            self.stopping = True
            self.wanted.release()
            self.thread.join()


class Changes(ProxyTest):
    def test_target_that_moves_takes_the_new_and_keeps_the_old(self):
        old, new = (self.target(lambda c, name=name: (c.sendall(name), echo(c))) for name in (b"old", b"new"))
        self.service("db", 3306, old.text)
        kept = self.open()
        self.assertEqual(kept.recv(3), b"old")
        other = self.target(echo)
        self.service("other", 3307, other.text)
        held = self.open(port=3307)
        wh.warren("service", "rm", "db")
        with self.assertRaises(ConnectionError):
            kept.recv(1)
        self.service("db", 3306, new.text)
        self.assertEqual(self.open().recv(3), b"new")
        self.assertTrue(wh.echoes(held))  # others are not touched

    def test_scope(self):
        wh.warren("add", "web2")
        wh.warren("service", "add", "one", 3306, "--to", "127.0.0.1:1", "--mode", "proxy", "--only", "web2")
        wh.warren("service", "add", "two", 3307, "--to", "127.0.0.1:1", "--mode", "proxy", "--except", "web2")
        self.assertTrue(wh.wait_until(lambda: listening("web2", 3306) == 2 and listening("web1", 3307) == 2))
        self.assertEqual((listening("web1", 3306), listening("web2", 3307)), (0, 0))

    def test_new_space_has_the_services_that_are_there(self):
        self.service("echo", 3306, self.target(echo).text)
        wh.warren("add", "web2")
        self.assertTrue(wh.wait_until(lambda: listening("web2", 3306) == 2))
        self.assertTrue(wh.echoes(self.open(ns="web2")))

    def test_port_that_the_tenant_has_is_said_and_taken_when_free(self):
        mine = wh.serve("web1", 3306, addresses=("127.0.0.1",))
        wh.warren("service", "add", "echo", 3306, "--to", self.target(echo).text, "--mode", "proxy")
        self.assertTrue(wh.wait_until(lambda: status()["not_listening"]))
        self.assertIn("web1 tcp 127.0.0.1:3306", status()["not_listening"][0]["place"])
        mine.stop()
        self.assertTrue(wh.wait_until(lambda: not status()["not_listening"]))
        self.assertTrue(wh.echoes(self.open()))

    def test_removed_space_is_really_gone(self):
        """Its connections end, and no socket of warrend keeps the namespace: a veth in it would still be there."""
        for verb in (("down",), ("rm",)):
            wh.warren("up", "web1")
            if verb == ("down",):
                self.service("echo", 3306, self.target(echo).text)
            self.assertTrue(wh.wait_until(lambda: listening("web1", 3306) == 2))
            inode = os.stat("/run/netns/web1").st_ino
            socks = [wh.connection("web1", address, 3306) for address in LOOPBACKS]
            self.assertTrue(all(wh.echoes(sock) for sock in socks))
            # The marker: the other end of this pair dies with the namespace, and takes this end along.
            wh.run("ip", "link", "add", "marker", "type", "veth", "peer", "name", "inside", "netns", "web1")
            wh.warren(*verb, "web1", check=False)
            self.assertTrue(wh.wait_until(lambda: status()["listeners"] == 0))
            for sock in socks:
                with self.assertRaises(ConnectionError):
                    sock.recv(1)
                sock.close()
            gone = wh.wait_until(lambda: wh.run("ip", "link", "show", "marker", check=False).returncode != 0)
            self.assertTrue(gone, f"namespace {inode} lives on after {verb[0]}")


if __name__ == "__main__":
    wh.main()
