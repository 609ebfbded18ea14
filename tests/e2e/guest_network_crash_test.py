# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 before each step of an `up` that makes a network namespace in a new user namespace."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402
from crash_test import KILLED, KILLSTEP  # noqa: E402
from guests import run  # noqa: E402


class Crash(wh.HostTest):
    def test_the_next_up_makes_it_whole(self):
        wh.warren("add", "a")
        guests.own_map("a")
        before = guests.processes()
        for step in range(1, 300):
            wh.warren("down", "a")
            killed = wh.run(KILLSTEP, step, wh.WARREN, "up", "a", check=False).returncode
            self.assertIn(killed, (0, KILLED))
            self.assertTrue(wh.wait_until(lambda: guests.processes() == before), guests.processes())
            wh.warren("up", "a")
            self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
            run("a", "--", "ip", "address", "add", "10.9.9.9/32", "dev", "lo")
            if killed == 0:
                return
        self.fail("no end of steps")


if __name__ == "__main__":
    wh.main()
