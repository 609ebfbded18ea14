# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 before each step of each command that changes something: the next `up` makes it whole again.

A step is a system call that changes something (tests/tools/killstep.cc). After each kill, `up` must succeed, `check`
find nothing, and all that stands must be what stood before the command, or what it makes when nobody kills it.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

KILLSTEP = os.environ.get("KILLSTEP", str(pathlib.Path(wh.WARREN).parents[2] / "tests/tools/killstep"))
KILLED = 137
MOST_STEPS = 1000  # no command has that many

SPACES = """
[space.other]
ports = ["7000:8080"]
[space.new1]
ports = ["6000:8080", "8000-8009"]
[space.new2]
nat = false
ports = ["203.0.113.10:53:53/udp"]
[space.new3]
state = "down"
"""


def killed_at(step, *command, **options):
    """Runs warren with this command and kills it before the step: was there such a step?"""
    result = wh.run(KILLSTEP, step, wh.WARREN, *command, check=False, **options)
    if result.returncode not in (0, KILLED):
        raise AssertionError(f"{command}: exit {result.returncode}\n{result.stderr}")
    return result.returncode == KILLED


class Crash(wh.HostTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def up_and_whole(self):
        wh.warren("up")
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (0, "all is as it should be\n"))

    def run_whole(self, *command, **options):
        """What the command makes when nobody kills it."""
        wh.warren(*command, **options)
        return hoststate.everything()


class NextToAnother(Crash):
    """A space `other` with an established connection stands beside what crashes, and never notices."""

    def setUp(self):
        wh.warren("add", "other", "-p", "7000:8080")
        self.server = wh.serve("other", 8080)
        self.line = wh.connection(wh.OUTSIDE, wh.UPLINK4, 7000)
        self.assertEqual(wh.read_reply(self.line).server, "other")

    def tearDown(self):
        self.line.close()
        self.server.stop()
        super().tearDown()
        self.assertEqual(wh.interface_of(wh.HOST), "uplink")

    def go_through(self, *command, every=1, **options):
        before, kept = hoststate.everything(), hoststate.keep_store()
        names = self.names()
        after = self.run_whole(*command, **options)
        self.assertNotEqual(before, after)
        self.back_to(before, kept, names)
        for step in range(1, MOST_STEPS, every):
            with self.subTest(step=step):
                if not killed_at(step, *command, **options):
                    break
                self.check_after_crash(before, after)
            self.back_to(before, kept, names)
        else:
            self.fail("the command never ended")
        self.assertGreater(step, 10)
        self.back_to(before, kept, names)

    def check_after_crash(self, before, after):
        self.up_and_whole()
        now = hoststate.everything()
        if now not in (before, after):
            nearest = min(before, after, key=lambda state: len(hoststate.difference(state, now)))
            self.fail(f"neither before nor after: {hoststate.difference(nearest, now)}")
        self.assertTrue(wh.echoes(self.line), "the other space's connection broke")

    @staticmethod
    def names():
        return {space["name"] for space in wh.warren("export", json=True)}

    def back_to(self, before, kept, names):
        """Makes the state of before again; what the command made is removed by name, the rest is `up`'s."""
        if more := self.names() - names:
            wh.warren("rm", "--force", *more)
        hoststate.restore_store(kept)
        wh.warren("up")
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})

    def test_add(self):
        self.go_through("add", "web1", "-p", "6000:8080", "-p", "8000-8009", "-p", "203.0.113.10:53:53/udp", "--no-nat")

    def test_rm(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("rm", "web1")

    def test_port_add(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("port", "add", "web1", "6001:8081", "8000-8009", "53:53/both")

    def test_port_rm(self):
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "53:53/both")
        self.go_through("port", "rm", "web1", "6000", "53/both")

    def test_apply(self):
        wh.warren("add", "old", "-p", "6000:8080")
        wh.warren("add", "new2", "-p", "6001:8080")
        self.go_through("apply", "-", "--prune", every=2, input=SPACES)

    def test_down(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("down", "web1")

    def test_up(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        wh.warren("down", "web1")
        self.go_through("up", "web1")


class FirstAndLast(Crash):
    """The first `add` sets the host up, the last `rm` leaves it as it was, whenever either is killed."""

    def setUp(self):
        self.bare = hoststate.kernel()

    def assert_bare(self):
        self.assertEqual(hoststate.difference(self.bare, hoststate.kernel()), {})

    def start_over(self):
        wh.warren("rm", "--all", "--force", check=False)
        self.assert_bare()

    def test_first_add(self):
        """From no store at all, which is made on the way."""
        for step in range(1, MOST_STEPS, 3):
            with self.subTest(step=step):
                if not killed_at(step, "add", "web1", "-p", "6000:8080"):
                    break
                self.up_and_whole()
                if wh.warren("ls", json=True):
                    self.check_serves()
                else:
                    self.assert_bare()
            self.start_over()
            hoststate.restore_store({})
        self.assertGreater(step, 10)

    def check_serves(self):
        with wh.serve("web1", 8080):
            self.assertIsNotNone(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000))

    def test_last_rm(self):
        for step in range(1, MOST_STEPS):
            with self.subTest(step=step):
                wh.warren("add", "web1", "-p", "6000:8080")
                if not killed_at(step, "rm", "web1"):
                    break
                self.up_and_whole()
                if not wh.warren("ls", json=True):
                    self.assert_bare()
            self.start_over()
        self.assertGreater(step, 10)

    def test_last_down(self):
        for step in range(1, MOST_STEPS, 2):
            with self.subTest(step=step):
                wh.warren("add", "web1", "-p", "6000:8080")
                if not killed_at(step, "down", "web1"):
                    break
                self.up_and_whole()
                if wh.warren("ls", json=True)[0]["state"] == "down":
                    self.assert_bare()
            self.start_over()
        self.assertGreater(step, 10)


if __name__ == "__main__":
    wh.main()
