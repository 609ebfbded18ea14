#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 before each step of a command that runs hooks: the next `up` makes the space whole, or leaves nothing of it,
and the hooks have been told how it stands."""

import os
import pathlib
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import crash_test  # noqa: E402
import warrenhost as wh  # noqa: E402

SEEN = pathlib.Path("/run/seen")
HOOKS = pathlib.Path("/etc/warren/hooks.d")
EVERY = 3  # step


class WithHooks(wh.HostTest):
    def setUp(self):
        for event in "pre-up", "up", "pre-down", "down":
            (HOOKS / event).mkdir(parents=True)
            path = HOOKS / event / "10-tell"
            path.write_text(f"#!/bin/sh\necho {event} >>{SEEN}\n")
            path.chmod(0o755)
        self.addCleanup(shutil.rmtree, "/etc/warren")

    def go_through(self, *command, before):
        """`before` is made ahead of each crash; gives how often the space was up afterwards, and how often not."""
        count = {True: 0, False: 0}
        for step in range(1, crash_test.MOST_STEPS, EVERY):
            with self.subTest(step=step):
                before()
                if not crash_test.killed_at(step, *command):
                    break
                wh.warren("up")
                self.assertEqual(wh.warren("check", json=True), {"faults": []})
                count[self.check_told()] += 1
        return count

    def check_told(self):
        up = any(space["state"] == "up" for space in wh.warren("ls", json=True))
        told = SEEN.read_text().split() if SEEN.exists() else []
        told = told or ["down"]  # the hook may have been killed with its file open
        # Told that it comes and nothing more, for one that never came, is what a pre-up must expect of a crash; so is
        # told that it goes, for one that stayed.
        self.assertIn(told[-1], ("up", "pre-down") if up else ("down", "pre-up"), told)
        self.assertEqual(os.listdir("/run/warren/hooks") if os.path.exists("/run/warren/hooks") else [], [])
        return up

    def nothing(self):
        wh.warren("rm", "--all", check=False)
        SEEN.unlink(missing_ok=True)

    def space(self):
        self.nothing()
        wh.warren("add", "web1")

    def space_that_is_down(self):
        self.space()
        wh.warren("down", "web1")

    def test_add(self):
        wh.warren("add", "other")
        wh.warren("rm", "other")
        count = self.go_through("add", "web1", before=self.nothing)
        self.assertTrue(count[True] and count[False], count)

    def test_rm(self):
        count = self.go_through("rm", "web1", before=self.space)
        self.assertTrue(count[True] and count[False], count)

    def test_down(self):
        self.assertTrue(self.go_through("down", "web1", before=self.space)[False])

    def test_up(self):
        self.assertTrue(self.go_through("up", "web1", before=self.space_that_is_down)[True])


if __name__ == "__main__":
    wh.main()
