# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at each step of what moves an interface, or makes one: the next `up` has it where the store says."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402
from crash_test import KILLSTEP, MOST_STEPS, killed_at  # noqa: E402
from devices_test import Devices, dev, has  # noqa: E402
from physical_test import Physical  # noqa: E402


class Killed(Physical):
    """Wherever it was killed: after `up` the NIC is where the store says, and comes back as it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not os.access(KILLSTEP, os.X_OK):
            raise AssertionError(f"{KILLSTEP} is not built")

    def go_through(self, *command, before, every=1, **options):
        for step in range(1, MOST_STEPS, every):
            before()
            try:
                killed = killed_at(step, *command, **options)
                self.check_after_crash()
            except AssertionError as error:
                raise AssertionError(f"killed at step {step}") from error
            if not killed:
                break
            hoststate.restore_store({})
            wh.warren("add", "fw", "--no-uplink")
        self.assertGreater(step, 5)

    def check_after_crash(self):
        wh.warren("up")
        self.assert_clean()
        stored = [one["device"] for one in wh.warren("dev", "ls", json=True)]
        up = [one["state"] for one in wh.warren("ls", json=True)] == ["up"]
        self.assertEqual(up and has("fw", "nic0"), up and bool(stored))
        wh.warren("rm", "--all")
        self.assert_home()

    def test_dev_add(self):
        self.go_through("dev", "add", "fw", "--type", "physical", "--virtual", "--parent", "nic0", before=lambda: None)

    def test_dev_rm(self):
        self.go_through("dev", "rm", "fw", "nic0", before=self.add)

    def test_down(self):
        self.go_through("down", "fw", before=self.add)

    def test_rm(self):
        self.go_through("rm", "fw", before=self.add)

    def test_up(self):
        def before():
            self.add()
            wh.warren("down", "fw")
        self.go_through("up", "fw", before=before)

    def test_down_and_removed_in_one(self):
        """It comes home, and its row goes with it."""
        self.go_through("apply", "-", before=self.add, input='[space.fw]\nuplink = false\nstate = "down"\n')

    def test_others(self):
        """The same for a macvlan, of which nothing is left on the host or inside."""
        for step in range(1, MOST_STEPS, 2):
            try:
                killed = killed_at(step, "dev", "add", "fw", "--type", "macvlan", "--parent", "uplink", "--host-shim", "--ip",
                                   "203.0.113.20/24")
                self.check_macvlan_after_crash()
            except AssertionError as error:
                raise AssertionError(f"killed at step {step}") from error
            if not killed:
                break
        self.assertGreater(step, 5)

    def check_macvlan_after_crash(self):
        wh.warren("up")
        self.assert_clean()
        stored = bool(wh.warren("dev", "ls", json=True))
        self.assertEqual((has("fw", "eth1"), has(wh.HOST, "shim_2_1")), (stored, stored))
        if stored:
            dev("rm", "fw", "eth1")
        self.assertEqual((has("fw", "eth1"), has(wh.HOST, "shim_2_1")), (False, False))


class Changed(Devices):
    """A change of addresses, killed anywhere: after `up` the device has those of before or those of after."""

    ONE = '[space.fw]\nuplink = false\n[[space.fw.device]]\ntype = "macvlan"\nparent = "uplink"\n'
    BEFORE = ONE + 'ip = ["203.0.113.20/24", "203.0.113.21/24"]\ngateway = ["203.0.113.1"]\n'
    AFTER = ONE + 'ip = ["203.0.113.21/24", "203.0.113.30/24"]\n'

    def apply(self, text):
        wh.warren("apply", "-", input=text)

    def state(self):
        addresses, routes = (json.loads(wh.run("ip", "-4", "-j", *words, ns="fw").stdout)
                             for words in (("address", "show", "dev", "eth1"), ("route", "show", "default")))
        return sorted(one["local"] for one in addresses[0]["addr_info"]), len(routes)

    def test_at_each_step(self):
        for step in range(1, MOST_STEPS):
            self.apply(self.BEFORE)
            killed = killed_at(step, "apply", "-", input=self.AFTER)
            wh.warren("up")
            self.assert_clean()
            changed = "203.0.113.30" in wh.warren("export").stdout
            self.assertEqual(self.state(), (["203.0.113.21", "203.0.113.30"], 0) if changed
                             else (["203.0.113.20", "203.0.113.21"], 1), f"killed at step {step}")
            if not killed:
                break
        self.assertGreater(step, 5)

    def test_is_named_until_it_is_mended(self):
        found = set()
        for step in range(1, MOST_STEPS):
            self.apply(self.BEFORE)
            killed = killed_at(step, "apply", "-", input=self.AFTER)
            found |= set(wh.warren("check", check=False).stdout.splitlines())
            wh.warren("up")
            if not killed:
                break
        self.assertIn("space fw: eth1 has addresses of before a change", found)
        self.assertIn("space fw: eth1 has default routes of before a change", found)


if __name__ == "__main__":
    wh.main()
