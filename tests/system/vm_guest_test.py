# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd as the init of a guest, on the kernels that Debian ships: a Debian of its own, root of which is nobody on the host."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import guests
import story
import systemhost as sh
import warrenhost as wh

TREE = pathlib.Path("/srv/guest")
LOG = pathlib.Path("/var/lib/guest.log")
PRIVATE = "10.20.30.40"


def make_tree():
    """A Debian that shares /usr with the host, and has the rest of its own; all of it is the host's root's on disk."""
    for name in "proc", "sys", "dev", "usr", "run", "tmp", "root", "srv":
        (TREE / name).mkdir(parents=True)
    for link in guests.LINKED:
        if os.path.islink(f"/{link}"):
            (TREE / link).symlink_to(f"usr/{link}")
    wh.run("cp", "-a", "/etc", "/var", TREE)
    for name in "etc/warren", "var/lib/warren":
        shutil.rmtree(TREE / name, ignore_errors=True)
    for unit in "uplink", "warren", "warrend":
        (TREE / f"etc/systemd/system/{unit}.service").unlink(missing_ok=True)
        (TREE / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
    (TREE / "etc/hostname").write_text("guest\n")
    (TREE / "etc/machine-id").write_text("")


def init_pid(parent):
    """The PID, as the host has it, of the guest's systemd below `warren run`."""
    for child in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n":
            return int(child)
        if found := init_pid(int(child)):
            return found
    return None


class Guest(story.Story, sh.SystemTest):
    boot = 1
    process = None

    @classmethod
    def setUpClass(cls):
        make_tree()
        wh.warren("add", "web1", "-p", "6022:22")
        guests.own_map("web1")
        cls.base = guests.first_id("web1")

    def inside(self, *command, **options):
        """Runs it in all of the guest's namespaces, as its root."""
        return wh.run("nsenter", "-t", init_pid(self.process.pid), "-a", "-S", "0", "-G", "0", *command, **options)

    def step_boots(self):
        with LOG.open("wb") as log:
            type(self).process = subprocess.Popen(
                [wh.WARREN, "run", "web1", "--boot", "--rootfs", str(TREE), "--bind", "/usr:/usr:ro", "--hostname", "guest"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ask = "import socket; print(socket.create_connection(('203.0.113.10', 6022), 2).recv(7))"
        self.assertTrue(wh.wait_until(lambda: wh.python(wh.OUTSIDE, ask, check=False).stdout.strip() == "b'SSH-2.0'", interval=1),
                        LOG.read_text(errors="replace"))

    def step_it_is_whole(self):
        pid = init_pid(self.process.pid)
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.assertEqual(re.findall(r"^NSpid:.*\t(\d+)$", status, re.M), ["1"])
        self.assertEqual(re.findall(r"^Uid:\t(\d+)", status, re.M), [str(self.base)])
        state = self.inside("systemctl", "is-system-running", "--wait", check=False, timeout=wh.patience(60)).stdout.strip()
        self.assertIn(state, ("running", "degraded"))  # a unit may want a device that guests have not
        for unit in "systemd-journald", "dbus", "ssh", "cron":
            self.assertEqual(self.inside("systemctl", "is-active", unit, check=False).stdout.strip(), "active", unit)
        self.assertEqual(self.inside("hostname").stdout.strip(), "guest")
        owners = self.inside("stat", "-c", "%U:%G", "/etc/shadow", "/usr/bin/env").stdout.split()
        self.assertEqual(owners, ["root:shadow", "nobody:nogroup"])  # its own by the map; what is bound is the host's

    def step_its_root_sets_up_its_network_and_no_more(self):
        self.inside("ip", "address", "add", f"{PRIVATE}/32", "dev", "lo")
        self.inside("nft", "add table inet mine; add chain inet mine in { type filter hook input priority 0; }")
        self.assertClean()
        for words in (("sysctl", "-w", "kernel.panic=1"), ("mount", "-o", "remount,rw", "/usr"),
                      ("cat", "/dev/nvme0n1"), ("ip", "netns", "exec", "web2", "true")):
            self.assertNotEqual(self.inside(*words, check=False).returncode, 0, words)

    def step_halts(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(wh.patience(60)), 0, LOG.read_text(errors="replace"))
        self.assertEqual(list(pathlib.Path("/sys/fs/cgroup").glob("**/warren-run-*")), [])
        owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in (TREE / "etc").rglob("*")}
        self.assertFalse([owner for owner in owners if max(owner) >= 65534])  # on disk they are as ever
        self.assertClean()


if __name__ == "__main__":
    sh.main()
