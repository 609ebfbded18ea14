#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever runs in the throw-away host, the machine's own network, pins, users and settings stay as they were."""

import os
import pathlib
import re
import subprocess
import unittest

import warrenhost as wh

KEYS = ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.all.rp_filter",
        "net.ipv6.conf.all.forwarding", "net.ipv6.conf.all.accept_ra", "net.ipv6.conf.default.accept_ra",
        "net.netfilter.nf_conntrack_max"]
COMMANDS = [["ip", "-j", "addr"], ["ip", "-j", "route", "show", "table", "all"], ["ip", "-6", "-j", "route"],
            ["ip", "-j", "rule"], ["ip", "-j", "neigh", "show", "nud", "permanent"], ["nft", "list", "ruleset"],
            ["findmnt", "-rno", "TARGET,FSTYPE", "/run/netns"]]
FILES = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf"]
DIRECTORIES = ["/run/netns", "/run/warren", "/var/lib/warren", "/etc/warren", "/etc/netns", "/sys/class/net"]


def text(path):
    path = pathlib.Path(path)
    return path.read_text() if path.exists() else None


def steady(output):
    """Without what changes by itself: lifetimes of addresses that were given by a server."""
    return re.sub(r'"(valid_life_time|preferred_life_time|expires)":\d+', "", output)


def snapshot():
    seen = {" ".join(command): steady(subprocess.run(command, capture_output=True, text=True).stdout)
            for command in COMMANDS}
    seen |= {path: text(path) for path in FILES}
    seen |= {path: sorted(os.listdir(path)) if os.path.isdir(path) else None for path in DIRECTORIES}
    seen |= {key: text("/proc/sys/" + key.replace(".", "/")) for key in KEYS}
    return seen


SCRIPT = r"""
set -e
"$WARREN" add web1 -p 6000:8080 -p 9000-9009
"$WARREN" add web2 -p 53:53/udp --no-nat
"$WARREN" exec web1 -- true
"$WARREN" ls
nft list table inet warren >/dev/null
"$WARREN" down web2
"$WARREN" up
nft flush ruleset
"$WARREN" up
"$WARREN" check
"$WARREN" rm web1
useradd -M someone 2>/dev/null || true
sysctl -qw net.ipv4.ip_forward=1 || true
"""


@unittest.skipIf(wh.IN_HOST, "looks at the machine")
class Untouched(unittest.TestCase):
    maxDiff = None

    def test_the_machine_stays_as_it_was(self):
        before = snapshot()
        result = subprocess.run([wh.HOST_SH, "sh", "-c", SCRIPT], env=os.environ | {"WARREN": wh.WARREN},
                                capture_output=True, text=True, timeout=wh.patience(60))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(before, snapshot())

    def test_even_if_it_is_killed(self):
        before = snapshot()
        process = subprocess.Popen([wh.HOST_SH, "sh", "-c", '"$WARREN" add web1 -p 80:80; echo made; sleep 60'],
                                   env=os.environ | {"WARREN": wh.WARREN}, stdout=subprocess.PIPE, text=True)
        with process:
            self.assertTrue(any(line == "made\n" for line in process.stdout))
            process.kill()
        self.assertEqual(before, snapshot())


if __name__ == "__main__":
    unittest.main()
