# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 in the middle: nobody is placed in what is not whole, nor passes his space by."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from crash_test import KILLSTEP, MOST_STEPS, killed_at  # noqa: E402
from members_test import INDEX, Members, leads_somewhere, links  # noqa: E402


class Killed(Members):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def go_through(self, every, entries, *command):
        """Kills the command at every so many steps; `again` makes what was before."""
        spaces = {entry: entry.split("/")[1] for entry in entries}
        unready = 0
        for step in range(1, MOST_STEPS, every):
            with self.subTest(step=step):
                if not killed_at(step, *command):
                    break
                unready += self.check_links(spaces)
                wh.warren("up")
                self.assert_whole()
            self.again()
        self.assertGreater(step, every * 3)
        return unready

    def check_links(self, spaces):
        """How many lead nowhere just now."""
        stored = {space["name"] for space in wh.warren("ls", json=True) if space["state"] != "removing"}
        faults = wh.warren("check", check=False).stdout
        unready = 0
        for entry, name in spaces.items():
            if name in stored:
                self.assertTrue(os.path.lexists(INDEX / entry), f"{entry} passes {name} by")
            if leads_somewhere(entry):
                self.assertNotIn(f"space {name}:", faults)
            else:
                unready += 1
        return unready

    def test_add(self):
        self.again = lambda: wh.warren("rm", "web1", check=False)
        wh.warren("add", "other")
        self.assertGreater(self.go_through(4, ["d/web1"], "add", "web1"), 2)

    def test_rm(self):
        def again():
            wh.warren("add", "web1", check=False)
        self.again = again
        wh.warren("add", "other")
        again()
        self.assertGreater(self.go_through(4, ["d/web1"], "rm", "web1"), 2)

    def test_down(self):
        def again():
            wh.warren("up", "web1")
        self.again = again
        wh.warren("add", "other")
        wh.warren("add", "web1")
        self.assertGreater(self.go_through(4, ["d/web1"], "down", "web1"), 2)

    def test_member_add(self):
        wh.warren("add", "web1")
        for step in range(1, MOST_STEPS):
            with self.subTest(step=step):
                if not killed_at(step, "member", "add", "web1", "alice", "@team"):
                    break
                wh.warren("up")
                self.assert_whole()
                self.assertIn(links(), ({"d/web1": "web1"}, {"d/web1": "web1", "u/alice": "web1", "g/team": "web1"}))
            wh.warren("member", "rm", "web1", "alice", "@team", check=False)
        self.assertGreater(step, 5)


if __name__ == "__main__":
    wh.main()
