# SPDX-License-Identifier: GPL-2.0-or-later
"""Making the kernel look like an older one, for a test of the throw-away host."""

import os
import pathlib
import subprocess

CONF6 = pathlib.Path("/proc/sys/net/ipv6/conf")


def hide_force_forwarding(test):
    """Until the test ends, IPv6 forwarding has its switch for the whole host only, as before Linux 6.17."""
    proc, shown = pathlib.Path("/run/proc"), pathlib.Path("/run/conf-all")
    for path in proc, shown:
        path.mkdir()
        test.addCleanup(subprocess.run, ["rm", "-r", path], check=True)
    mount(test, "-t", "proc", "proc", proc)
    for key in os.listdir(CONF6 / "all"):
        if key != "force_forwarding":
            (shown / key).symlink_to(proc / "sys/net/ipv6/conf/all" / key)
    mount(test, "--bind", shown, CONF6 / "all")


def mount(test, *words):
    subprocess.run(["mount", *words], check=True)
    test.addCleanup(subprocess.run, ["umount", words[-1]], check=True)
