# SPDX-License-Identifier: GPL-2.0-or-later
"""Entering network namespaces, for a Python whose os module has no setns."""

import ctypes
import os
import threading

HOST = None  # the namespace of the host itself
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def in_ns(ns, fn, *args):
    """Calls fn(*args) in the network namespace and returns its result; sockets made there stay of that namespace."""
    if ns is HOST:
        return fn(*args)
    outcome = {}

    def body():  # a thread of its own, since a namespace belongs to the thread: it ends there
        try:
            enter(ns)
            outcome["value"] = fn(*args)
        except BaseException as error:  # handed to the caller, whatever it is
            outcome["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def enter(ns):
    """Moves the calling thread into the namespace, for good."""
    fd = os.open(f"/run/netns/{ns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {ns}")
    finally:
        os.close(fd)
