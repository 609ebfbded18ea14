#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How slow is this machine at what the tests do most? Prints what it found; with --patience only the factor for deadlines.

The factor is 1 on a good machine, and n on one that takes n times as long for the worst of these: to touch a new page, to
start a process, to make a network namespace. ./test takes it once, and hands it to all tests as WARREN_PATIENCE; host.sh
takes it where nobody has. lib/patience.py and lib/patience.h stretch the deadlines of the tests by it.
"""

import mmap
import os
import statistics
import subprocess
import sys
import time

AREA, PAGE = 1 << 20, 4096
GOOD = {"page": 2e-6, "process": 0.8e-3, "namespace": 2e-3}  # seconds
MOST = 30  # one that seems slower than that is busy with something else just now


def median(times, work):
    """The median duration of the work, in seconds."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


def touch():
    with mmap.mmap(-1, AREA) as area:
        for at in range(0, AREA, PAGE):
            area[at] = 1


def measure():
    """Seconds for one of each."""
    found = {"page": median(5, touch) / (AREA // PAGE), "process": median(9, lambda: subprocess.run(["/bin/true"]))}
    if os.geteuid() == 0:  # who is not root needs a user namespace for it, which is another thing
        found["namespace"] = median(7, lambda: subprocess.run(["unshare", "--net", "true"]))
    return found


def patience(found):
    return min(MOST, max(1.0, *(found[what] / GOOD[what] for what in found)))


def main():
    found = measure()
    if sys.argv[1:] == ["--patience"]:
        print(f"{patience(found):.1f}")
        return
    costs = [f"{what} {seconds * 1e3:.4f} ms" for what, seconds in found.items()]
    print(f"{', '.join(costs)}, {os.cpu_count()} processors: deadlines of tests times {patience(found):.1f}")


if __name__ == "__main__":
    main()
