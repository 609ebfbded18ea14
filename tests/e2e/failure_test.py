# SPDX-License-Identifier: GPL-2.0-or-later
"""A step that fails, once, of any operation: all is as it was before it, or, where it came too late to matter, as after.

A step is a system call that changes something (tests/tools/killstep.cc); it fails with EIO, as from a kernel that
refuses. An operation that says that it failed has changed nothing: not the store, the table, the links, the sessions.
One that says that it was done has done all. In both cases `check` finds nothing. Of long operations not every step is
tried each day, but those of a day; WARREN_DEEP=1 tries them all.
"""

import errno
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402
from crash_test import KILLSTEP, MOST_STEPS  # noqa: E402
from members_test import CONFIG_CONFINE, Members, append, links  # noqa: E402
from physical_test import make_nic  # noqa: E402

NOT_REACHED = 125
TRIED = 12  # steps of an operation that are tried in a day
MOST_COUNTED = 360
DEEP = os.environ.get("WARREN_DEEP") == "1"
DAY = int(time.time()) // 86400
WHOLE = (0, "all is as it should be\n")

FILE = """
[space.other]
ports = ["7000:8080"]
[space.new1]
ports = ["6000:8080", "8000-8009"]
[space.new2]
nat = false
ports = ["203.0.113.10:53:53/udp"]
[[space.new2.device]]
type = "veth"
ip = ["192.0.2.5/24"]
"""


def state():
    """All that may differ, but for what is inside the spaces, which `check` looks at. Whether a link is UP or has not
    said so yet (UNKNOWN) depends on how long it is there."""
    now = hoststate.everything()
    now["links"] = [line.replace("'UNKNOWN'", "'UP'") for line in now["links"]]
    return now | {"members": wh.warren("member", "ls").stdout, "sessions": sorted(map(str, links().items())),
                  "services": wh.warren("service", "ls").stdout}


def steps_of(*command, **options):
    """How many steps it takes, when none fails."""
    counted = wh.run(KILLSTEP, 0, wh.WARREN, *command, **options).stdout
    return int(counted.splitlines()[-1])


class Failure(Members):
    maxDiff = None
    stays_wanted = False  # what has failed may be left for the next `up`

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def tearDown(self):
        super().tearDown()
        hoststate.restore_store({})

    def go_through(self, *command, **options):
        """Each step fails once."""
        before, kept = state(), hoststate.keep_store()
        steps = steps_of(*command, **options)
        # On a busy machine some runs were counted with thousands of steps; their number is bounded here.
        every = 1 if DEEP else max(1, min(steps, MOST_COUNTED) // TRIED)
        after = self.settled()
        self.assertNotEqual(before, after)
        self.go_back(before, kept)
        failed = tried = 0
        for step in range(1 + DAY % every, MOST_STEPS, every):
            with self.subTest(step=step):
                result = wh.run(KILLSTEP, "fail", step, errno.EIO, wh.WARREN, *command, check=False, **options)
                if result.returncode == NOT_REACHED or (tried == 2 * TRIED and not DEEP):
                    break
                tried += 1
                failed += 1 if result.returncode else 0
                self.assert_all_or_nothing(result, before, after)
            self.go_back(before, kept)
        self.go_back(before, kept)
        self.assertGreater(tried, 0)
        self.assertGreater(failed, 0, "no step of those was of any weight")

    @staticmethod
    def settled(wanted=None):
        """What stands once the kernel has said the last of a link that came or went, which it does a moment later."""
        states = [state()]

        def stands():
            if wanted and not hoststate.difference(wanted, states[-1]):
                return True
            states.append(state())
            return not wanted and not hoststate.difference(*states[-2:])
        wh.wait_until(stands, timeout=1)
        return states[-1]

    def go_back(self, before, kept):
        """Numbers that were used up on the way are given again to the next one."""
        if state() != before:
            wh.warren("up", check=False)
            wh.warren("rm", "--all", "--force", check=False)
            hoststate.restore_store(kept)
            wh.warren("up")
        hoststate.restore_store(kept)
        self.assertEqual(hoststate.difference(before, self.settled(before)), {}, "no way back for the next step")

    def assert_all_or_nothing(self, result, before, after):
        wanted = before if result.returncode else after
        if result.returncode and self.stays_wanted and hoststate.export() == after["store"]:
            wh.warren("up")
            wanted = after
        said = f"exit {result.returncode}: {result.stderr}{result.stdout}"
        self.assertEqual(hoststate.difference(wanted, self.settled(wanted)), {}, said)
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), WHOLE, said)
        if result.returncode:
            self.assertEqual(result.stderr.count("\n"), 1, said)


class NextToAnother(Failure):
    def setUp(self):
        wh.warren("add", "other", "-p", "7000:8080")

    def test_add(self):
        self.go_through("add", "web1", "-p", "6000:8080", "-p", "8000-8009", "-p", "203.0.113.10:53:53/udp", "--no-nat")

    def test_rm(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("rm", "web1")

    def test_down(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("down", "web1")

    def test_up(self):
        """A space that is wanted up stays so, whatever fails."""
        self.stays_wanted = True
        wh.warren("add", "web1", "-p", "6000:8080")
        wh.warren("down", "web1")
        self.go_through("up", "web1")

    def test_port_add(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        ports = "6001:8081", "8000-8009", "53:53/both"
        self.go_through("port", "add", "web1", *ports)

    def test_port_rm(self):
        ports = "6000:8080", "53:53/both"
        wh.warren("add", "web1", "-p", ports[0], "-p", ports[1])
        self.go_through("port", "rm", "web1", *ports)

    def test_apply(self):
        wh.warren("add", "old", "-p", "6000:8080")
        wh.warren("add", "new2", "-p", "6001:8080")
        self.go_through("apply", "-", "--prune", input=FILE)


class FirstAndLast(Failure):
    def setUp(self):
        """The prefix of the spaces' IPv6 addresses is chosen once; here it is not another each time."""
        wh.warren("add", "web1")
        wh.warren("rm", "web1")

    def test_first_add(self):
        self.go_through("add", "web1", "-p", "6000:8080")

    def test_last_rm(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("rm", "web1")

    def test_last_down(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        self.go_through("down", "web1")


class OfDevices(Failure):
    MACVLAN = "--type", "macvlan", "--parent", "uplink", "--host-shim", "--ip", "203.0.113.20/24"
    PHYSICAL = "--type", "physical", "--virtual", "--parent", "nic0"

    def setUp(self):
        wh.warren("add", "fw", "--no-uplink")

    def add_and_rm(self, name, *words):
        self.go_through("dev", "add", "fw", *words)
        wh.warren("dev", "add", "fw", *words)
        self.go_through("dev", "rm", "fw", name)

    def test_veth(self):
        self.add_and_rm("eth1", "--type", "veth", "--ip", "192.0.2.5/24", "--gateway", "192.0.2.1")

    def test_macvlan(self):
        self.add_and_rm("eth1", *self.MACVLAN)

    def test_physical(self):
        make_nic()
        self.addCleanup(lambda: wh.run("ip", "link", "delete", "cable", ns=wh.OUTSIDE, check=False))
        self.add_and_rm("nic0", *self.PHYSICAL)


class OfServices(Failure):
    WORDS = "service", "add", "sql", "3306", "--to", "100.64.0.1:3306"

    def setUp(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")

    def test_first_add(self):
        self.go_through(*self.WORDS)

    def test_last_rm(self):
        wh.warren(*self.WORDS)
        self.go_through("service", "rm", "sql")


class OfMembers(Failure):
    WORDS = "web1", "alice", "@team"

    def setUp(self):
        os.makedirs(os.path.dirname(wh.CONFIG), exist_ok=True)
        append(wh.CONFIG, CONFIG_CONFINE)
        wh.warren("add", "web1")

    def test_add(self):
        self.go_through("member", "add", *self.WORDS)

    def test_rm(self):
        wh.warren("member", "add", *self.WORDS)
        self.go_through("member", "rm", *self.WORDS)


class OfAnAdoptedNamespace(Failure):
    def setUp(self):
        self.guest = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
        self.guest.stdout.readline()
        self.addCleanup(self.end_guest)
        wh.warren("add", "other")

    def end_guest(self):
        self.guest.kill()
        self.guest.wait()
        self.guest.stdout.close()

    def assert_all_or_nothing(self, result, before, after):
        super().assert_all_or_nothing(result, before, after)
        if result.returncode:
            inside = wh.run("nsenter", f"--net=/proc/{self.guest.pid}/ns/net", "ip", "-o", "link").stdout
            self.assertEqual(len(inside.splitlines()), 1, "more than lo is left: " + inside)

    def test_adopt(self):
        self.go_through("adopt", "guest", "--pid", self.guest.pid, "-p", "6000:8080")
        self.assertIsNone(self.guest.poll())


if __name__ == "__main__":
    wh.main()
