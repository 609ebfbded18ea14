# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests with warrend: the daemon itself, its answers, and targets that behave as a test wants."""

import array
import contextlib
import json
import os
import pathlib
import select
import socket
import subprocess
import tempfile
import threading

import warrenhost as wh

WARREND = os.environ.get("WARREND") or str(os.path.join(os.path.dirname(wh.WARREN), "../warrend/warrend"))
CONTROL = "/run/warren/warrend.sock"
LOG = "/run/warrend.log"
LOOPBACKS = ("127.0.0.1", "::1")


def ask(request=b""):
    """What warrend answers on its control socket; None where it does not."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(wh.patience())
        try:
            sock.connect(CONTROL)
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()
        except OSError:
            return None


def status():
    text = ask()
    return json.loads(text) if text else None


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def listening(ns, port, proto="t"):
    """How many sockets of the namespace listen there: of TCP, or with "u" of UDP, both families."""
    name, state = {"t": ("tcp", "0A"), "u": ("udp", "07")}[proto]

    def sockets():
        for file in name, name + "6":
            yield from pathlib.Path("/proc/thread-self/net", file).read_text().splitlines()[1:]
    found = wh.in_ns(ns, lambda: [line.split() for line in sockets()])
    return sum(words[1].endswith(f":{port:04X}") and words[3] == state for words in found)


class Target:
    """A server whose behaviour is a function of the accepted socket, a thread each."""

    def __init__(self, behave, address=("127.0.0.1", 0), backlog=1024):
        family = socket.AF_UNIX if isinstance(address, str) else wh.family_of(address[0])
        self.sock = socket.socket(family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(address)
        self.sock.listen(backlog)
        self.behave = behave
        threading.Thread(target=self._loop, daemon=True).start()

    @property
    def text(self):
        name = self.sock.getsockname()
        if isinstance(name, str):
            return "unix:" + name
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def _loop(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.sock.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            self.behave(connection)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)


def read_exactly(sock, size):
    """So many bytes; less where the end comes first. (MSG_WAITALL does not wait on a socket with a timeout.)"""
    text = bytearray()
    while len(text) < size and (data := sock.recv(size - len(text))):
        text += data
    return bytes(text)


def read_all(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))


class DaemonTest(wh.HostTest):
    options = ()

    def setUp(self):
        open(LOG, "w").close()
        self.daemon = self.start_daemon()
        self.addCleanup(self.stop_daemon)

    def tearDown(self):
        for service in wh.warren("service", "ls", json=True):
            wh.warren("service", "rm", service["name"])
        super().tearDown()

    def log(self):
        """Where the daemons of a test write; said() reads it."""
        file = open(LOG, "ab")
        self.addCleanup(file.close)
        return file

    @staticmethod
    def said():
        with open(LOG) as file:
            return file.read()

    def start_daemon(self, *more):
        daemon = wh.start(WARREND, *self.options, *more, stderr=self.log())
        self.assertTrue(wh.wait_until(status), "warrend does not answer")
        return daemon

    def stop_daemon(self):
        self.daemon.terminate()
        try:
            self.daemon.wait(wh.patience(30))
        finally:
            self.daemon.kill()
            self.daemon.wait()

    def target(self, *args, **options):
        target = Target(*args, **options)
        self.addCleanup(target.close)
        return target

    def service(self, name, port, to, *options, ns="web1"):
        wh.warren("service", "add", name, port, "--to", to, "--mode", "proxy", *options)
        proto = "u" if "--udp" in options else "t"
        self.assertTrue(wh.wait_until(lambda: listening(ns, port, proto) == 2), "nothing listens in the space")

    def open(self, address="127.0.0.1", port=3306, ns="web1", proto="tcp", timeout=None):
        sock = wh.connection(ns, address, port, proto, timeout)
        self.addCleanup(sock.close)
        return sock

    def quiet(self):
        """Waits until warrend has no connection any more."""
        self.assertTrue(wh.wait_until(lambda: status()["connections"]["now"] == 0), status()["connections"])


class Manager:
    """What systemd is to a service of Type=notify: hears it, keeps descriptors for it, and passes them on."""

    def __init__(self, command, log):
        self.command, self.log = command, log
        self.path = tempfile.mktemp(prefix="notify-", dir="/run")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.heard = []
        self.stored = {}  # name -> descriptors
        self.lock = threading.RLock()  # of the two
        self.over = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.given = []  # (name, descriptor) of sockets that are ours
        self.process = None
        self.begin()

    def begin(self):
        """Starts it, with all that is stored as LISTEN_FDS from 3 on, which is what sd_listen_fds(3) says."""
        passed = self.given + [(name, fd) for name, fds in self.stored.items() for fd in fds]
        environment = os.environ | {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "1000000",
                                    "LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(n for n, _ in passed)}
        # The shell knows the PID that the program will have, and puts the descriptors in their places.
        places = " ".join(f"{3 + index}<&{fd}" for index, (_, fd) in enumerate(passed))
        script = f"LISTEN_PID=$$; export LISTEN_PID; exec {' '.join(map(str, self.command))} {places}"
        with self.lock:
            self.heard.clear()
        self.process = subprocess.Popen(["bash", "-c", script], env=environment, stderr=self.log,
                                        pass_fds=[fd for _, fd in passed])

    def _read(self):
        """Always, as the queue is short, and who finds it full waits."""
        while not self.over.is_set():
            select.select([self.sock], [], [], 0.05)
            self.take()

    def take(self):
        """Takes in the messages that are there."""
        with self.lock:
            while select.select([self.sock], [], [], 0)[0]:
                self._message(*self.sock.recvmsg(65536, socket.CMSG_SPACE(4 * 253))[:2])

    def _message(self, message, control):
        lines = message.decode().splitlines()
        fields = dict(line.split("=", 1) for line in lines)
        fds = array.array("i")
        for _, _, data in control:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        if "FDSTORE" in fields:
            self.stored.setdefault(fields["FDNAME"], []).extend(fds)
        if "FDSTOREREMOVE" in fields:
            for fd in self.stored.pop(fields["FDNAME"], []):
                os.close(fd)
        self.heard += lines

    def wait_for(self, line, times=1):
        """Was the line said so many times since the start?"""
        return bool(wh.wait_until(lambda: self.heard.count(line) >= times))

    def halt(self):
        """As `systemctl stop` does, but keeps what is stored."""
        self.process.terminate()
        self.process.wait(wh.patience(30))
        self.take()

    def restart(self):
        self.halt()
        self.begin()

    def stop(self):
        """The end of the service, and of what is stored for it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.sock.fileno() < 0:
            return
        self.over.set()
        self.reader.join()
        self.take()
        for fds in self.stored.values():
            for fd in fds:
                os.close(fd)
        self.stored = {}
        self.sock.close()
