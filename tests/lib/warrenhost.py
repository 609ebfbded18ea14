# SPDX-License-Identifier: GPL-2.0-or-later
"""For end-to-end tests inside the throw-away host of host.sh: commands, servers, connections, raw packets.

A namespace is given by name, as under /run/netns: a space's name, "outside" (the internet), or HOST.
A test file looks like this, and can be started anywhere by root:

    import warrenhost as wh

    class Forward(wh.HostTest):
        def test_client_keeps_its_address(self):
            wh.warren("add", "web1", "-p", "6000:8080")
            with wh.serve("web1", 8080):
                reply = wh.connect("outside", "203.0.113.10", 6000)
            self.assertEqual(reply.peer, "203.0.113.1")

    if __name__ == "__main__":
        wh.main()
"""

import contextlib
import ipaddress
import json as jsonlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
from typing import NamedTuple

from netns import HOST, in_ns
from packets import *  # noqa: F403, so that a test finds all in one place

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST_SH = str(ROOT / "tests/lib/host.sh")
WARREN = os.environ.get("WARREN", str(ROOT / "build/release/apps/warren/warren"))
CONFIG = "/etc/warren/warren.toml"
IN_HOST = "WARREN_TEST_HOST" in os.environ

OUTSIDE = "outside"
UPLINK4, UPLINK6 = "203.0.113.10", "2001:db8::10"  # the host's public addresses
OUTSIDE4, OUTSIDE6 = "203.0.113.1", "2001:db8::1"  # its neighbour and gateway
WORLD4, WORLD6 = "198.51.100.1", "2001:db8:51::1"  # somewhere further on

ETH_ALL = 3
PACKET_OUTGOING = 4


# ---- commands and namespaces ----------------------------------------------------------------------------------------

def run(*cmd, ns=HOST, check=True, timeout=60, **options):
    """Runs a command (in `ns`), returns its CompletedProcess with text in stdout and stderr; `check` raises."""
    options = {"capture_output": True, "text": True, "timeout": timeout} | options
    words = [str(word) for word in cmd]
    result = in_ns(ns, lambda: subprocess.run(words, **options))
    if check and result.returncode:
        raise AssertionError(f"{' '.join(words)}: exit {result.returncode}\n{result.stdout or ''}{result.stderr or ''}")
    return result


def warren(*args, json=False, check=True, **options):
    """Runs warren: its CompletedProcess, or with json=True what it printed with -o json, parsed."""
    result = run(WARREN, *(["-o", "json"] if json else []), *args, check=check, **options)
    return jsonlib.loads(result.stdout) if json else result


def configure(**settings):
    """Writes warren.toml for the rest of the test, e.g. configure(host_services=["tcp:53"])."""
    os.makedirs(os.path.dirname(CONFIG), exist_ok=True)
    with open(CONFIG, "w") as file:  # what TOML and JSON write alike is all that the settings have
        file.writelines(f"{key} = {jsonlib.dumps(value)}\n" for key, value in settings.items())


def start(*cmd, ns=HOST, **options):
    """Starts a command (in `ns`) and returns its Popen; end it by `with killed_after(start(...)) as process`."""
    return in_ns(ns, lambda: subprocess.Popen([str(word) for word in cmd], **options))


@contextlib.contextmanager
def killed_after(process):
    """Gives the Popen and ends it with the block."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def python(ns, code, **options):
    """Runs a Python snippet as a process in the namespace, as run() does."""
    return run(sys.executable, "-c", code, ns=ns, **options)


def wait_until(condition, timeout=5, interval=0.02):
    """Calls condition() until it gives something true, and returns that; None after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            return None
        time.sleep(interval)


# ---- servers and connections ----------------------------------------------------------------------------------------

class Reply(NamedTuple):
    """What a server of serve() answered: its name, and the addresses of the connection as it saw them."""
    server: str
    peer: str
    peer_port: int
    local: str
    local_port: int


def family_of(address):
    return socket.AF_INET6 if is6(address) else socket.AF_INET


KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class serve:
    """A server in `ns` that answers each connection or datagram with a Reply, then echoes. `with serve(...)` or stop().

    addresses: what it binds, by default all of both families; name: what the Reply calls it, by default the namespace.
    """

    def __init__(self, ns, port, proto="tcp", addresses=("0.0.0.0", "::"), name=None):
        self.name = name or ns or "host"
        self.proto = proto
        self.peers = []  # the (address, port) of each client, in order
        self.connections = []
        self.sockets = [in_ns(ns, self._bound, address, port) for address in addresses]
        self.wake_read, self.wake_write = os.pipe()
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _bound(self, address, port):
        sock = socket.socket(family_of(address), KINDS[self.proto])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is6(address):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if self.proto == "udp":  # so the address a datagram came to can be told, and answered from
            level, option = (socket.IPPROTO_IPV6, 49) if is6(address) else (socket.IPPROTO_IP, 8)
            sock.setsockopt(level, option, 1)
        sock.bind((address, port))
        if self.proto == "tcp":
            sock.listen(128)
        return sock

    def _loop(self):
        while True:
            ready, _, _ = select.select([self.wake_read, *self.sockets, *self.connections], [], [])
            if self.wake_read in ready:
                return
            for sock in ready:
                with contextlib.suppress(OSError):  # a client that went away is no concern of the server
                    self._handle(sock)

    def _handle(self, sock):
        if sock in self.connections:
            self._echo(sock)
        elif self.proto == "tcp":
            connection, peer = sock.accept()
            self.connections.append(connection)
            connection.sendall(self._answer(peer, connection.getsockname()))
        else:
            data, control, _, peer = sock.recvmsg(65536, 256)
            local = (destination(control), sock.getsockname()[1])
            sock.sendmsg([self._answer(peer, local) + data], control, 0, peer)

    def _echo(self, connection):
        data = b""
        with contextlib.suppress(ConnectionError):
            data = connection.recv(65536)
        if data:
            connection.sendall(data)
        else:
            self.connections.remove(connection)
            connection.close()

    def _answer(self, peer, local):
        self.peers.append(peer[:2])
        return jsonlib.dumps([self.name, *peer[:2], *local[:2]]).encode() + b"\n"

    def stop(self):
        os.write(self.wake_write, b"x")
        self.thread.join()
        for sock in [*self.sockets, *self.connections]:
            sock.close()
        os.close(self.wake_read)
        os.close(self.wake_write)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def destination(control):
    """The destination address in the pktinfo of a datagram."""
    for level, _, data in control:
        if level == socket.IPPROTO_IPV6:
            return socket.inet_ntop(socket.AF_INET6, data[:16])
        return socket.inet_ntop(socket.AF_INET, data[8:12])
    return ""


def connect(ns, address, port, proto="tcp", timeout=1.0, src=None):
    """Goes from `ns` to a serve()r and returns its Reply; None when there was none within `timeout`, or a refusal."""
    with contextlib.suppress(OSError), connection(ns, address, port, proto, timeout, src) as sock:
        if proto == "udp":
            sock.send(b"?")
        return read_reply(sock)
    return None


def connect_all(*attempts, timeout=1.0):
    """Many connect()s at once, each given as (ns, address, port[, proto]): the list of their Replies, so that
    a table with many cells that must stay silent costs one timeout."""
    replies = [None] * len(attempts)

    def body(index, attempt):
        replies[index] = connect(*attempt, timeout=timeout)

    threads = [threading.Thread(target=body, args=pair) for pair in enumerate(attempts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def connection(ns, address, port, proto="tcp", timeout=1.0, src=None):
    """A connected socket from `ns`, to hold on to; OSError when it fails. Read the greeting with read_reply()."""
    def body():
        sock = socket.socket(family_of(address), KINDS[proto])
        try:
            sock.settimeout(timeout)
            if src:
                sock.bind((src, 0))
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock
    return in_ns(ns, body)


def read_reply(sock):
    """The Reply that a serve()r sends first on a TCP connection, or for each datagram."""
    text = b""
    while b"\n" not in text:
        data = sock.recv(4096)
        if not data:
            raise ConnectionError("closed before an answer")
        text += data
    return Reply(*jsonlib.loads(text.split(b"\n")[0]))


def echoes(sock, text=b"still there"):
    """Does this connection to a serve()r still carry data, both ways?"""
    with contextlib.suppress(OSError):
        sock.sendall(text)
        return sock.recv(len(text), socket.MSG_WAITALL) == text
    return False


def ping(ns, address, timeout=1.0):
    """Is an ICMP or ICMPv6 echo request from `ns` answered?"""
    six = is6(address)
    proto = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    with in_ns(ns, socket.socket, family_of(address), socket.SOCK_RAW, proto) as sock, contextlib.suppress(OSError):
        sock.settimeout(timeout)
        ident = threading.get_native_id() & 0xFFFF
        sock.sendto(echo_request(six, ident), (address, 0))
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            data, peer = sock.recvfrom(2048)
            message = data if six else data[(data[0] & 15) * 4:]
            if message[0] == (129 if six else 0) and message[4:6] == struct.pack("!H", ident):
                return ipaddress.ip_address(peer[0].split("%")[0]) == ipaddress.ip_address(address)
    return False


# ---- sending and seeing packets -------------------------------------------------------------------------------------

def packet_socket(ns, interface, protocol=ETH_ALL):
    """An AF_PACKET socket of `ns`, bound to the interface."""
    def body():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((interface, protocol))
        return sock
    return in_ns(ns, body)


def send_frame(ns, interface, data):
    """Sends an Ethernet frame as it is: from a tenant who is root in his namespace."""
    with packet_socket(ns, interface, 0) as sock:
        sock.send(data)


def send_packet(ns, interface, packet, dst_mac=None):
    """Sends an IP packet, e.g. udp_packet() with a spoofed source, to the neighbour at the other end of the link."""
    dst_mac = dst_mac or neighbour_mac(ns, interface)
    send_frame(ns, interface, frame(packet, dst_mac, mac_of(ns, interface)))


def link(ns, interface):
    """What `ip -j link` says of the interface."""
    return jsonlib.loads(run("ip", "-j", "-d", "link", "show", "dev", interface, ns=ns).stdout)[0]


def mac_of(ns, interface):
    return link(ns, interface)["address"]


def neighbour_mac(ns, interface):
    """The MAC behind the interface, by its neighbour table; asked for first where it is empty (eth0 of outside)."""
    def known():
        table = jsonlib.loads(run("ip", "-j", "neigh", "show", "dev", interface, ns=ns).stdout or "[]")
        return next((entry["lladdr"] for entry in table if "lladdr" in entry), None)
    if mac := known():
        return mac
    ping(ns, UPLINK4 if ns == OUTSIDE else OUTSIDE4)
    return known() or BROADCAST


def interface_of(ns):
    """The name of the one interface, besides lo, in the namespace."""
    names = [entry["ifname"] for entry in jsonlib.loads(run("ip", "-j", "link", ns=ns).stdout)]
    return next(name for name in names if name != "lo")


class Sniffer:
    """Sees what passes an interface from now on, ahead of filters: `with Sniffer("web1", "veth_web1") as sniffer`."""

    def __init__(self, ns, interface):
        self.sock = packet_socket(ns, interface)
        self.packets = []  # all that was seen so far

    def wait(self, condition=None, timeout=1.0, outgoing=False, **fields):
        """The first Packet, already seen or within `timeout`, with fields like dport=53 and condition(packet); or None.

        Only what arrives at the interface counts; outgoing=True takes what leaves by it instead."""
        fields["outgoing"] = outgoing

        def wanted(packet):
            matches = all(getattr(packet, key) == value for key, value in fields.items())
            return matches and (condition is None or condition(packet))
        end = time.monotonic() + timeout
        index = 0
        while True:
            while index < len(self.packets):
                if wanted(self.packets[index]):
                    return self.packets[index]
                index += 1
            if not self._receive(end - time.monotonic()):
                return None

    def saw(self, condition=None, timeout=0.3, **fields):
        """Did such a packet arrive? As wait(), with the short patience of a test that expects silence."""
        return self.wait(condition, timeout, **fields) is not None

    def _receive(self, timeout):
        if not select.select([self.sock], [], [], max(timeout, 0))[0]:
            return False
        data, (_, _, kind, *_) = self.sock.recvfrom(65536)
        self.packets.append(decode(data, kind == PACKET_OUTGOING))
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


# ---- the tests themselves -------------------------------------------------------------------------------------------

class HostTest(unittest.TestCase):
    """A test case that runs only in the throw-away host, and leaves it without spaces and settings for the next one."""

    @classmethod
    def setUpClass(cls):
        if not IN_HOST:
            raise unittest.SkipTest("runs in the throw-away host only: start it with tests/lib/host.sh")

    def tearDown(self):
        if os.path.exists("/var/lib/warren"):
            warren("rm", "--all", "--force", check=False)
        if os.path.exists(CONFIG):
            os.unlink(CONFIG)


def main():
    """Runs the tests of the calling file, in a throw-away host unless it already is in one."""
    if not IN_HOST:
        os.execv(HOST_SH, [HOST_SH, sys.executable, *sys.argv])
    unittest.main()
