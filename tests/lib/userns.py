# SPDX-License-Identifier: GPL-2.0-or-later
"""User namespaces made by hand, with maps that the kernel itself is asked about."""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess

from patience import patience

CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)


def write_map(path, runs):
    """Tells the kernel [(inside, outside, count), ...]; raises OSError where it refuses."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, "".join(f"{inside} {outside} {count}\n" for inside, outside, count in runs).encode())
    finally:
        os.close(fd)


def unshare_user():
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


class Guest:
    """A process in a user namespace of its own; run() calls a function in another, forked from it."""

    def __init__(self, pid):
        self.pid = pid

    def run(self, function):
        """The text that function() gives, called as the namespace's root; raises what went wrong there."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os._exit(self._inside(writing, function))
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        if os.waitpid(child, 0)[1] != 0:
            raise AssertionError(text)
        return text

    def _inside(self, pipe, function):
        try:
            namespace = os.open(f"/proc/{self.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            if _libc.setns(namespace, CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            os.write(pipe, str(function()).encode())
            return 0
        except BaseException as error:
            os.write(pipe, repr(error).encode())
            return 1


@contextlib.contextmanager
def in_user_namespace(uid, gid):
    """A Guest in a user namespace with these maps, until the block ends."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        unshare_user()
        os.write(writing, b"x")
        signal.pause()
        os._exit(0)
    try:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        write_map(f"/proc/{child}/uid_map", uid)
        write_map(f"/proc/{child}/gid_map", gid)
        yield Guest(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


# ---- mounts that show owners by a user namespace --------------------------------------------------------------------

AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 4
MOUNT_ATTR_IDMAP = 0x00100000


def _call(number, *arguments):
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount_mapped(source, target, pid):
    """Shows a tree at another place, its owners mapped by the user namespace of the process; nothing is chowned."""
    tree = _call(SYS_OPEN_TREE, AT_FDCWD, os.fsencode(source), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
    namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_IDMAP, 0, 0, namespace)
        _call(SYS_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, attributes, ctypes.sizeof(attributes))
        _call(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(namespace)
        os.close(tree)


# ---- root of a space's network --------------------------------------------------------------------------------------

CLONE_NEWNET = 0x40000000
NS_GET_USERNS = 0xB701


def tenant(space, *words):
    """Starts a command as root of the user namespace that owns the space's network, and in that. Gives the Popen."""
    network = os.open(f"/run/netns/{space}", os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(network, NS_GET_USERNS)
    try:
        def enter():
            for fd, kind in (owner, CLONE_NEWUSER), (network, CLONE_NEWNET):
                if _libc.setns(fd, kind) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
        return subprocess.Popen([str(word) for word in words], preexec_fn=enter, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        os.close(network)
        os.close(owner)


def as_tenant(space, script):
    """Runs a shell script so, to its end; raises when it fails."""
    process = tenant(space, "/bin/sh", "-euc", script)
    out, error = process.communicate(timeout=patience(60))
    if process.returncode != 0:
        raise AssertionError(f"{script}: exit {process.returncode}\n{out}{error}")
    return out
