# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands on the throw-away host, as values that can be compared: before and after a crash, a repair, a refusal."""

import glob
import os
import pathlib
import re

import nft
import rtnl
import warrenhost as wh

LO = 1  # the index of the loopback interface, in every network namespace
STORE = pathlib.Path("/var/lib/warren")
# Sets that packets fill, and what is counted, differ without anybody's doing.
_DYNAMIC_SET = re.compile(r"\tset \w+ \{[^}]*flags dynamic.*?\n\t\}\n", re.DOTALL)
_SYSCTLS = ("ipv4/ip_forward", "ipv4/conf/*/forwarding", "ipv4/conf/*/route_localnet", "ipv6/conf/*/forwarding",
            "ipv6/conf/*/force_forwarding", "ipv6/conf/*/accept_ra")


def nft_table():
    """Our table as text without counters, or nothing."""
    return _DYNAMIC_SET.sub("", nft.table("inet warren"))


def links():
    """The host's links with what is said of them, but for the index, which is another after each rebuild."""
    found = []

    def settled():  # a link is up a moment before the kernel says so
        found[:] = rtnl.links()
        return not any(link.operstate == "UNKNOWN" and link.ifname.startswith("veth_") for link in found)
    wh.wait_until(settled)
    return sorted(str(link[1:]) for link in found)


def sysctls():
    """The settings below /proc/sys/net that warren may touch, by path."""
    paths = [path for pattern in _SYSCTLS for path in glob.glob("/proc/sys/net/" + pattern)]
    return {path: pathlib.Path(path).read_text().strip() for path in sorted(paths)}


def pins():
    return sorted(os.listdir("/run/netns"))


def routes():
    """Host routes of both families, and the addresses of lo, as text lines."""
    return sorted(line for line in rtnl.routes() + rtnl.addresses(LO) if "fe80::/64" not in line)


def store_bytes():
    """The content of the store's files; its shared memory says who reads it and is no state, nor is an empty log."""
    files = {path.name: path.read_bytes() for path in sorted(STORE.glob("*")) if not path.name.endswith("-shm")}
    return {name: content for name, content in files.items() if content}


def keep_store():
    """All files of the store, to be put back by restore_store()."""
    return {path.name: path.read_bytes() for path in STORE.glob("*")}


def restore_store(kept):
    for path in STORE.glob("*"):
        path.unlink()
    for name, content in kept.items():
        STORE.joinpath(name).write_bytes(content)


def export():
    return wh.warren("export").stdout


def kernel():
    return {"links": links(), "pins": pins(), "table": nft_table(), "routes": routes(), "sysctls": sysctls()}


def everything():
    """Desired state and kernel state."""
    return {"store": export()} | kernel()


def difference(one, other):
    """What differs, to be read by a person: by part, what only the one has and what only the other has."""
    found = {}
    for part in one:
        mine, theirs = (_lines(state[part]) for state in (one, other))
        if mine != theirs:
            found[part] = sorted(mine - theirs), sorted(theirs - mine)
    return found


def _lines(value):
    if isinstance(value, dict):
        return {f"{key} = {entry}" for key, entry in value.items()}
    return set(value.split("\n") if isinstance(value, str) else value)
