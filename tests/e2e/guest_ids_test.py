# SPDX-License-Identifier: GPL-2.0-or-later
"""IDs between `warren run`, which takes them for a user namespace, and `warren id`, which takes them back."""

import contextlib
import fcntl
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402

LOCK = "/run/warren/ids.lock"


@contextlib.contextmanager
def locked(how):
    fd = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


class Ids(wh.HostTest):
    def setUp(self):
        wh.warren("add", "web1")
        wh.warren("id", "allocate", "alice", check=False)

    def test_none_are_taken_back_while_a_guest_starts(self):
        with locked(fcntl.LOCK_SH):  # as one that starts has it
            got = wh.warren("id", "free", "alice", check=False)
            self.assertEqual((got.returncode, got.stdout), (1, ""))
            self.assertRegex(got.stderr, r"\Awarren: id free alice: a guest has been starting for 5 seconds[^\n]+\n\Z")
            guests.run("web1", "--", "true")  # another may
        wh.warren("id", "free", "alice")
        with locked(fcntl.LOCK_SH):
            self.assertIn("a guest has been starting", wh.warren("id", "purge", "alice", check=False).stderr)
            wh.warren("id", "allocate", "bob")  # gets none that is anybody's
        wh.warren("id", "purge", "alice")

    def test_no_guest_starts_while_some_are_taken_back(self):
        os.makedirs("/run/warren", exist_ok=True)
        with contextlib.ExitStack() as stack:
            with locked(fcntl.LOCK_EX):
                process = stack.enter_context(wh.killed_after(subprocess.Popen(
                    [wh.WARREN, "run", "web1", "--", "true"], stdout=subprocess.DEVNULL)))
                waits = pathlib.Path(f"/proc/{process.pid}/wchan")
                self.assertTrue(wh.wait_until(lambda: f" {process.pid} " in pathlib.Path("/proc/locks").read_text()
                                              or "lock" in waits.read_text()))
                self.assertIsNone(process.poll())
                self.assertIsNone(guests.pid_1(process))
            self.assertEqual(process.wait(wh.patience()), 0)

    def test_a_guest_that_runs_holds_none_back(self):
        wh.warren("id", "free", "alice", check=False)
        with guests.running("web1"):
            with locked(fcntl.LOCK_EX):  # not as long as the guest runs
                pass
            got = wh.warren("id", "purge", "--all")
            self.assertEqual(got.returncode, 0)


if __name__ == "__main__":
    wh.main()
