# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a test waits.

For what must come, until it has come: a deadline is there only so that a test which fails ends, so it is generous and
grows with the slowness of the machine (machine.py). For what must not come, SILENCE, after something that had to come.
"""

import os
import time

SANITIZED = bool(os.environ.get("WARREN_SANITIZE"))  # such a warren takes several times as long for everything
FACTOR = float(os.environ.get("WARREN_PATIENCE") or 1) * (4 if SANITIZED else 1)
SILENCE = 0.4 * max(1, min(FACTOR, 15) / 2)  # seconds in which something that must not arrive would have arrived


def patience(seconds=20):
    """A deadline in seconds, from that of a good machine with nothing else to do."""
    return seconds * FACTOR


def wait_until(condition, timeout=None, interval=0.02):
    """Calls condition() until it gives something true, and returns that; None after `timeout`, by default patience()."""
    end = time.monotonic() + (patience() if timeout is None else timeout)
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            return None
        time.sleep(interval)


def stays(condition, seconds=SILENCE):
    """Does condition() hold all the time, for so long?"""
    return wait_until(lambda: not condition(), seconds) is None
