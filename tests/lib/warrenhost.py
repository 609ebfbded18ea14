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
import faulthandler
import json as jsonlib
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

import rtnl
from netns import HOST, in_ns
from patience import FACTOR, SANITIZED, SILENCE, patience, stays, wait_until  # noqa: F401
from packets import *  # noqa: F403, so that a test finds all in one place
from servers import *  # noqa: F403

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

def run(*cmd, ns=HOST, check=True, timeout=None, **options):
    """Runs a command (in `ns`), returns its CompletedProcess with text in stdout and stderr; `check` raises."""
    options = {"capture_output": True, "text": True, "timeout": timeout or patience(60)} | options
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


@contextlib.contextmanager
def decoy(script):
    """A network namespace of a user who is nobody, as a shell script sets it up as its root; gives its inode."""
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-Urn", "sh", "-ec",
               f"{script}; echo ready; exec sleep 1000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    with killed_after(process):
        assert process.stdout.readline() == b"ready\n", "the decoy does not stand"
        yield os.stat(f"/proc/{process.pid}/ns/net").st_ino
        process.stdout.close()


def read_terminal(ours):
    """All that was written to the other side of a terminal, once nobody has that open."""
    def chunk():
        try:
            return os.read(ours, 65536)
        except OSError:  # EIO, pty(7)
            return b""
    return b"".join(iter(chunk, b"")).decode()


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


def send_packet(ns, interface, packet):
    """Sends an IP packet, e.g. udp_packet() with a spoofed source, to the neighbour at the other end of the link."""
    send_packets(ns, interface, [packet])


def send_packets(ns, interface, packets):
    """Sends IP packets, as send_packet() does."""
    to, own = neighbour_mac(ns, interface), mac_of(ns, interface)
    with packet_socket(ns, interface, 0) as sock:
        for packet in packets:
            sock.send(frame(packet, to, own))


def link(ns, interface):
    """What `ip -j link` says of the interface."""
    return jsonlib.loads(run("ip", "-j", "-d", "link", "show", "dev", interface, ns=ns).stdout)[0]


def mac_of(ns, interface):
    return next(one.address for one in rtnl.links(ns) if one.ifname == interface)


def neighbour_mac(ns, interface):
    """The MAC behind the interface, by its neighbour table; asked for first where it is empty (eth0 of outside)."""
    def known():
        table = jsonlib.loads(run("ip", "-j", "neigh", "show", "dev", interface, ns=ns).stdout or "[]")
        return next((entry["lladdr"] for entry in table if "lladdr" in entry), None)
    if mac := known():
        return mac
    ping(ns, UPLINK4 if ns == OUTSIDE else OUTSIDE4, timeout=SILENCE)  # nobody may be there
    return known() or BROADCAST


def interface_of(ns):
    """The name of the one interface, besides lo, in the namespace."""
    return next(one.ifname for one in rtnl.links(ns) if one.ifname != "lo")


class Sniffer:
    """Sees what passes an interface from now on, ahead of filters: `with Sniffer("web1", "veth_web1") as sniffer`."""

    def __init__(self, ns, interface):
        self.sock = packet_socket(ns, interface)
        self.packets = []  # all that was seen so far

    def wait(self, condition=None, timeout=None, outgoing=False, **fields):
        """The first Packet, already seen or within `timeout`, with fields like dport=53 and condition(packet); or None.

        Only what arrives at the interface counts; outgoing=True takes what leaves by it instead."""
        fields["outgoing"] = outgoing

        def wanted(packet):
            matches = all(getattr(packet, key) == value for key, value in fields.items())
            return matches and (condition is None or condition(packet))
        end = time.monotonic() + (patience() if timeout is None else timeout)
        index = 0
        while True:
            while index < len(self.packets):
                if wanted(self.packets[index]):
                    return self.packets[index]
                index += 1
            if not self._receive(end - time.monotonic()):
                return None

    def saw(self, condition=None, **fields):
        """Does such a packet arrive? As wait(), for a test that expects it."""
        return self.wait(condition, **fields) is not None

    def silent(self, condition=None, timeout=SILENCE, **fields):
        """Does no such packet arrive? As wait(), for a test that expects none."""
        return self.wait(condition, timeout, **fields) is None

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
    # Who has to be ended by host.sh because he does not end himself says where he is.
    faulthandler.register(signal.SIGTERM, chain=True)
    unittest.main()
