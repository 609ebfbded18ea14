# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 on the way: the next `up` gives every space the services that the store has, and nothing else."""

import contextlib
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from crash_test import KILLSTEP, MOST_STEPS, killed_at  # noqa: E402
from services_test import GATEWAY, SQL, Services, ask, service  # noqa: E402


class Killed(Services):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def go_through(self, command, again, every):
        for step in range(1, MOST_STEPS, every):
            with self.subTest(step=step):
                if not killed_at(step, "service", *command):
                    break
                wh.warren("up")
                self.assert_whole()
                self.assert_as_stored()
            again()
        self.assertGreater(step, 5)

    def assert_as_stored(self):
        stored = {one["port"] for one in wh.warren("service", "ls", json=True)}
        for space in "web1", "web2":
            if not stored:
                self.assert_bare(space)
            for port in SQL, 25:
                timeout = None if port in stored else wh.SILENCE
                self.assertEqual(ask(space, port, timeout=timeout) is not None, port in stored, (space, port))

    def setUp(self):
        self.add("web1", "web2")
        self.serve(wh.HOST, SQL)
        self.serve(wh.HOST, 25)

    def test_add(self):
        def again():
            wh.warren("service", "rm", "sql", check=False)
        self.go_through(("add", "sql", SQL, "--to", f"{GATEWAY}:{SQL}"), again, 3)

    def test_rm(self):
        def again():
            with contextlib.suppress(AssertionError):
                service()
        service("smtp", 25, f"{GATEWAY}:25")
        again()
        self.go_through(("rm", "sql"), again, 4)

    def test_rm_of_the_last(self):
        def again():
            with contextlib.suppress(AssertionError):
                service()
        again()
        self.go_through(("rm", "sql"), again, 3)


if __name__ == "__main__":
    wh.main()
