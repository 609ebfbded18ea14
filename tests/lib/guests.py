# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests of `warren run`: trees to run in, guests that run on, what they leave behind."""

import contextlib
import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios

import warrenhost as wh

BLOCK = 524288
LINKED = "bin", "sbin", "lib", "lib64"  # names of what is below /usr on this Debian


def run(space, *words, **options):
    """warren run SPACE WORDS..., with output as text; words that are options come before "--"."""
    return wh.warren("run", space, *words, **options)


def output(space, *words, **options):
    return run(space, *words, **options).stdout.strip()


def script(space, text, *options, **more):
    """What a shell script says inside."""
    return output(space, *options, "--", "sh", "-c", text, **more)


def first_id(owner):
    """Of the owner's ID block."""
    blocks = wh.warren("id", "ls", json=True)
    return next(block["first"] for block in blocks if block["owner"] == owner)


def own_map(space, *entries):
    """Gives the space a map of its own, and with it a network namespace that its guests' root may set up."""
    wh.warren("id", "allocate", space, check=False)
    if entries:
        words = [word for entry in entries for word in ("--both", entry)]
        wh.warren("map", "add", f"{space}.map", "--owner", space, *words, check=False)  # a former test may have
        wh.warren("map", "assign", space, f"{space}.map")
    else:
        wh.warren("map", "assign", space, "--owner", space)
    wh.warren("down", space)
    wh.warren("up", space)


@contextlib.contextmanager
def tree():
    """A root directory with programs (--bind /usr:/usr:ro, see USR) and little else, owned by the host's root."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="warren-tree-") as name:
        top = pathlib.Path(name)
        for directory in "proc", "sys", "dev", "usr", "etc", "tmp", "run", "root", "mnt", "srv":
            (top / directory).mkdir()
        for link in LINKED:
            if os.path.islink(f"/{link}"):
                (top / link).symlink_to(f"usr/{link}")
        (top / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/srv:/bin/sh\n"
                                        "nobody:x:65534:65534::/:/bin/sh\n")
        (top / "etc/group").write_text("root:x:0:\nalice:x:1000:\naudio:x:29:alice\nnogroup:x:65534:\n")
        top.chmod(0o755)
        yield top


USR = "--bind", "/usr:/usr:ro"


def processes():
    """All that there are on the host, each as its PID and its name."""
    found = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.add(f"{pid} {pathlib.Path('/proc', pid, 'comm').read_text().strip()}")
    return found


def namespaces():
    """All that a process, or a file, keeps alive as lsns sees them; it fails where a process ends while it looks."""
    def look():
        result = wh.run("lsns", "-n", "-o", "NS", check=False)
        return result.returncode == 0 and set(result.stdout.split())
    return wh.wait_until(look)


def mounts():
    return pathlib.Path("/proc/self/mountinfo").read_text().splitlines()


def pid_1(process):
    """The PID, on the host, of PID 1 of the guest that this `warren run` has; None while there is none."""
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if f"NSpid:\t{child}\t1\n" in pathlib.Path(f"/proc/{child}/status").read_text():
                return int(child)
    return None


@contextlib.contextmanager
def running(space, *words):
    """A guest that says "ready" and waits: its Popen, with both ends."""
    command = [wh.WARREN, "run", space, *words, "--", "sh", "-c", "echo ready; exec sleep 1000"]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b"ready\n", "the guest does not run"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Operator:
    """Sits at a terminal of 33 lines, at which `warren run SPACE WORDS...` runs."""

    def __init__(self, space, *words, redirect=""):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
            command = [wh.WARREN, "run", space, *map(str, words)]
            os.execv("/bin/sh", ["sh", "-c", f'exec "$@" {redirect}', "sh", *command])
        self.said = b""
        self.status = None

    def read(self, timeout):
        """False: the terminal says no more."""
        if select.select([self.terminal], [], [], timeout)[0]:
            try:
                self.said += os.read(self.terminal, 65536)
            except OSError:  # EIO: the other end is closed
                return False
        return True

    def sees(self, text, timeout=None):
        return wh.wait_until(lambda: (self.read(0), text.encode() in self.said)[1], timeout)

    def type(self, keys):
        os.write(self.terminal, keys)

    def flags(self):
        return termios.tcgetattr(self.terminal)[3]

    def ended(self, timeout=None):
        """Its exit status, negative where a signal ended it; None while it runs on."""
        def poll():
            self.read(0)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return pid and ("ended", os.waitstatus_to_exitcode(status))
        self.status = self.status or wh.wait_until(poll, timeout)
        return self.status and self.status[1]

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.terminal)
