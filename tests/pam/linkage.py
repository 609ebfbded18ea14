#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""linkage.py MODULE: it needs libpam and the C library only, and exports nothing but what PAM calls."""

import subprocess
import sys

NEEDED = {"libpam.so.0", "libc.so.6"}
EXPORTED = {"pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"}
NEVER = {"setenv", "putenv", "unsetenv", "exit", "abort", "signal", "pthread_create", "openlog", "fork", "system"}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def names(*options):
    """The dynamic symbols that nm shows, without their versions."""
    return {line.split()[-1].split("@")[0] for line in output("nm", "-D", *options).splitlines()}


def main():
    module = sys.argv[1]
    needed = {line.split("[")[1].rstrip("]") for line in output("readelf", "-d", module).splitlines() if "(NEEDED)" in line}
    imported = names("--undefined-only", module)
    faults = [f"needs {sorted(needed)}"] if needed != NEEDED else []
    faults += [f"exports {name}" for name in names("--defined-only", module) ^ EXPORTED]
    faults += [f"calls {name}" for name in imported & NEVER]
    faults += [f"uses the C++ runtime: {name}" for name in imported if name.startswith("_Z")]
    print("\n".join(faults) or "needs and exports what it should")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
