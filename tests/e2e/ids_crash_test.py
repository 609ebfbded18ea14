# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 in the middle: /etc/subuid has all of the old text or all of the new, and `up` brings it to the store's."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from crash_test import KILLSTEP, MOST_STEPS, killed_at  # noqa: E402
from ids_test import BEGIN, END, SUBGID, SUBUID, Ids  # noqa: E402


class Killed(Ids):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def go_through(self, again, *command):
        """Kills the command at each step; the next `up` brings store and files together."""
        SUBUID.write_text("first:1:1\n")
        wh.warren("id", "export", "--subuid")
        for step in range(1, MOST_STEPS):
            with self.subTest(step=step):
                if not killed_at(step, *command):
                    break
                self.assertTrue(SUBUID.read_text().startswith("first:1:1\n" + BEGIN))
                wh.warren("up")
                for path in SUBUID, SUBGID:
                    self.assertTrue(path.read_text().endswith(BEGIN + wh.warren("id", "export").stdout + END))
                self.assertEqual(wh.warren("check", check=False).returncode, 0)
                self.assertEqual([name for name in os.listdir("/etc") if "warren" in name or name.endswith("id.lock")], [])
            again()
        self.assertGreater(step, 10)

    def test_allocate(self):
        def again():
            wh.warren("id", "free", "web1", check=False)
            wh.warren("id", "purge", "--all")
        self.go_through(again, "id", "allocate", "web1")

    def test_free(self):
        def again():
            wh.warren("id", "purge", "--all")
            wh.warren("id", "allocate", "web1", check=False)
        again()
        self.go_through(again, "id", "free", "web1")


if __name__ == "__main__":
    wh.main()
