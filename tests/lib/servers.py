# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that tell what they saw of a connection, and connections to them, each in the namespace that is named."""

import contextlib
import ipaddress
import json as jsonlib
import os
import select
import socket
import struct
import threading
import time
from typing import NamedTuple

from netns import in_ns
from packets import echo_request, is6
from patience import SILENCE, patience


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


def connect(ns, address, port, proto="tcp", timeout=None, src=None):
    """Goes from `ns` to a serve()r and returns its Reply; None when there was none within `timeout`, or a refusal."""
    with contextlib.suppress(OSError), connection(ns, address, port, proto, timeout, src) as sock:
        if proto == "udp":
            sock.send(b"?")
        return read_reply(sock)
    return None


def connect_all(*attempts, timeout=None):
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


def connect_cells(*cells):
    """connect_all() for a table of which it is known what must be answered: each cell is (attempt, expected), where an
    expected None stands for silence. First all that must be answered, however long it takes; then, as the network is
    seen to work, all that must not, for SILENCE."""
    replies = [None] * len(cells)
    for silent, timeout in (False, None), (True, SILENCE):
        places = [index for index, (_, expected) in enumerate(cells) if (expected is None) == silent]
        for index, reply in zip(places, connect_all(*(cells[index][0] for index in places), timeout=timeout)):
            replies[index] = reply
    return replies


def connection(ns, address, port, proto="tcp", timeout=None, src=None):
    """A connected socket from `ns`, to hold on to; OSError when it fails. Read the greeting with read_reply().
    `timeout`, by default patience(), is also that of all that is done with it."""
    def body():
        sock = socket.socket(family_of(address), KINDS[proto])
        try:
            sock.settimeout(patience() if timeout is None else timeout)
            if src:
                sock.bind((src, 0))
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock
    return in_ns(ns, body)


def retransmissions(sock):
    """How often what TCP sent had to be sent again because nothing came back, the first packet of all included."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("I", info, 100)[0]  # tcpi_total_retrans of <linux/tcp.h>


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


def ping(ns, address, timeout=None):
    """Is an ICMP or ICMPv6 echo request from `ns` answered?"""
    timeout = patience() if timeout is None else timeout
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
