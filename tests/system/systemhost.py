# SPDX-License-Identifier: GPL-2.0-or-later
"""For the tests that run under real systemd, started by run.sh: units, users, the journal, reboots.

The machine is the test's own and thrown away, so nothing is cleaned up. All that warrenhost offers works here. A test case
says in which boot it runs; between the boots the machine is really rebooted:

    class Installed(sh.SystemTest):
        boot = 1
        def test_enable(self): ...

    class Rebooted(sh.SystemTest):
        boot = 2
        ...

    if __name__ == "__main__":
        sh.main()
"""

import os
import pathlib
import pwd
import sys
import time
import unittest

import warrenhost as wh

# Where the number of the boot is kept, and what the first boot wants to tell the next ones.
STATE = pathlib.Path("/var/lib/system-test")
REBOOT = 133
UNITS = pathlib.Path("/etc/systemd/system")
IN_VM = os.environ.get("WARREN_TEST_MACHINE", "").startswith("vm")
PREFIX = pathlib.Path("/usr/local")
EXAMPLES = PREFIX / "share/doc/warren/examples"


def installed(*paths):
    """Are these files of the installation there? For skipUnless()."""
    return all((PREFIX / path).exists() for path in paths)


PAM = next((path for path in PREFIX.glob("lib/**/security/pam_warren.so")), None)


# ---- units ----------------------------------------------------------------------------------------------------------

def systemctl(*args, check=True, **options):
    return wh.run("systemctl", *args, check=check, **options)


def unit(name, text):
    """Writes a unit file, or a drop-in as "ssh.service.d/x.conf", for systemd to know at once."""
    path = UNITS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    systemctl("daemon-reload")


def show(name, *properties):
    """The properties of a unit: one value, or a list of several."""
    lines = systemctl("show", name, *(f"--property={key}" for key in properties)).stdout.splitlines()
    values = dict(line.split("=", 1) for line in lines)
    found = [values[key] for key in properties]
    return found[0] if len(properties) == 1 else found


def active(name):
    return show(name, "ActiveState") == "active"


def since_boot(name, key):
    """When a unit reached a state, as microseconds since the boot: key is e.g. ActiveEnterTimestampMonotonic."""
    return int(show(name, key))


def journal(name=None, *options):
    return wh.run("journalctl", "--no-pager", "--output=cat", "--boot", *(["--unit", name] if name else []), *options).stdout


# ---- users and processes --------------------------------------------------------------------------------------------

def user(name):
    """Makes an ordinary user; gives its passwd entry."""
    wh.run("useradd", "--create-home", "--shell", "/bin/bash", name)
    return pwd.getpwnam(name)


def netns_of(pid):
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def space_of(pid):
    """The name of the namespace under /run/netns that a process is in; wh.HOST for the host's own, "?" for any other."""
    inode = netns_of(pid)
    if inode == netns_of(1):
        return wh.HOST
    return next((pin.name for pin in pathlib.Path("/run/netns").iterdir() if pin.stat().st_ino == inode), "?")


def pids_of(name):
    """All processes of a unit."""
    group = show(name, "ControlGroup")
    top = next(path for path in (pathlib.Path(f"/sys/fs/cgroup{group}"), pathlib.Path(f"/sys/fs/cgroup/unified{group}"),
                                 pathlib.Path(f"/sys/fs/cgroup/systemd{group}")) if path.exists())
    return [int(pid) for file in top.rglob("cgroup.procs") for pid in file.read_text().split()]


def serve_command(port, name):
    """A command that serves `name` on a port, as a Reply of warrenhost's, for ExecStart=."""
    return f"/usr/bin/python3 /host/system/server.py {port} {name}"


def reply(ns, address, port):
    """The first Reply from there, however long the server takes to come up."""
    return wh.wait_until(lambda: wh.connect(ns, address, port))


# ---- the tests themselves -------------------------------------------------------------------------------------------

def remember(key, value):
    (STATE / key).write_text(value)


def remembered(key):
    return (STATE / key).read_text()


class SystemTest(unittest.TestCase):
    boot = 1
    maxDiff = None

    def assertClean(self):
        """The kernel is what the store says."""
        self.assertEqual(wh.warren("check", json=True), {"faults": []})

    def assertReached(self, port, name, peer=None):
        """Who asks from outside, by IPv4 and IPv6, gets the server of that name, which sees who asked."""
        for own, address in ((wh.OUTSIDE4, wh.UPLINK4), (wh.OUTSIDE6, wh.UPLINK6)):
            got = reply(wh.OUTSIDE, address, port)
            self.assertIsNotNone(got, f"nothing at [{address}]:{port}")
            self.assertEqual((got.server, got.peer), (name, own))


class Verdict(unittest.TextTestResult):
    """Prints each test by its name and with the time that it took."""

    def getDescription(self, test):
        return ".".join(test.id().split(".")[-2:])

    def startTest(self, test):
        self.began = time.monotonic()
        super().startTest(test)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.stream.writeln(f"ok ({time.monotonic() - self.began:.2f} s)")


def boots(suite):
    """All tests by the boot in which they run."""
    found = {}
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            for boot, tests in boots(item).items():
                found.setdefault(boot, []).extend(tests)
        else:
            found.setdefault(item.boot, []).append(item)
    return found


def main():
    STATE.mkdir(exist_ok=True)
    file = STATE / "boot"
    boot = int(file.read_text()) + 1 if file.exists() else 1
    file.write_text(str(boot))
    tests = boots(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    kernel = os.uname().release
    print(f"-- boot {boot}, Linux {kernel}, up for {time.clock_gettime(time.CLOCK_BOOTTIME):.1f} s", flush=True)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Verdict).run(unittest.TestSuite(tests[boot]))
    sys.stdout.flush()
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(REBOOT if boot + 1 in tests else 0)
