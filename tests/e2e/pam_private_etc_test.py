# SPDX-License-Identifier: GPL-2.0-or-later
"""private_etc: sessions see the files of /etc/netns/SPACE in the place of those in /etc, and nobody else does."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import pamhost  # noqa: E402
import warrenhost as wh  # noqa: E402
from pamhost import WHERE  # noqa: E402

READ = "cat /etc/resolv.conf /etc/hosts"
NETNS = pathlib.Path("/etc/netns")


class PrivateEtc(pamhost.PamTest):
    def setUp(self):
        super().setUp()
        self.use("private_etc")
        for name in ("alice", "bob"):
            wh.warren("add", name)
            (NETNS / name).mkdir(parents=True, exist_ok=True)
            for file in ("resolv.conf", "hosts"):
                (NETNS / name / file).write_text(f"# {file} of {name}\n")
        self.own = wh.run("sh", "-c", READ).stdout

    def tearDown(self):
        wh.run("rm", "-rf", NETNS)
        super().tearDown()

    def of(self, name):
        return f"# resolv.conf of {name}\n# hosts of {name}\n"

    def test_seen_in_the_session_and_nowhere_else(self):
        self.assertEqual(self.ssh("alice", READ).stdout, self.of("alice"))
        self.assertEqual(self.su("bob", READ).stdout, self.of("bob"))
        self.assertEqual(wh.run("sh", "-c", READ).stdout, self.own)
        self.assertNotIn("/etc/netns", pathlib.Path("/proc/self/mountinfo").read_text())

    def test_from_one_space_to_another_and_to_root(self):
        self.assertEqual(self.ssh("alice", f"sudo -n -u bob {READ}").stdout, self.of("bob"))
        self.assertEqual(self.ssh("alice", f"sudo -n {READ}").stdout, self.own)
        self.assertEqual(self.ssh("alice", f"sudo -n -u bob sudo -n -u alice {READ}").stdout, self.of("alice"))

    def test_without_it_all_see_the_same(self):
        self.use("")
        self.assertEqual(self.ssh("alice", READ).stdout, self.own)

    def test_space_without_files(self):
        wh.run("rm", "-rf", NETNS / "alice")
        result = self.ssh("alice", f"{WHERE}; {READ}")
        self.assertEqual(result.stdout, pamhost.inode("alice") + self.own)

    def test_module_twice(self):
        self.use("private_etc", services=("su", "su-l"))
        self.assertEqual(self.su("alice", READ, "-").stdout, self.of("alice"))
        layers = self.su("alice", "grep -c /netns/alice/hosts /proc/self/mountinfo", "-").stdout
        self.assertEqual(layers, "1\n")

    def test_file_that_etc_lacks_is_left_out(self):
        (NETNS / "alice/nothing-like-it").write_text("")
        self.assertEqual(self.ssh("alice", READ).stdout, self.of("alice"))
        self.assertTrue(self.syslog.wait("/etc/netns/alice/nothing-like-it is left out"))

    def test_later_mounts_of_the_host_show_inside(self):
        os.makedirs("/run/later", exist_ok=True)
        wh.run("mount", "--make-shared", "/run")  # as it is on a host
        session = wh.start("su", "alice", "-c", "until [ -e /run/later/file ]; do sleep 0.02; done; cat /run/later/file", stdout=subprocess.PIPE, text=True)
        with wh.killed_after(session) as process:
            self.assertTrue(self.syslog.wait("alice: session in space alice"))
            wh.run("mount", "-t", "tmpfs", "tmpfs", "/run/later")
            pathlib.Path("/run/later/new").write_text("seen")
            os.rename("/run/later/new", "/run/later/file")
            os.link("/run/file", "/run/later/file") if False else None
            self.assertEqual(process.communicate()[0], "seen")
        wh.run("umount", "/run/later")

    def test_helper_works_on_the_host(self):
        """From a session with mounts of its own: what it pins must show to all."""
        wh.run("umount", "/run/netns/bob")
        self.assertEqual(self.ssh("alice", f"sudo -n -u bob sh -c \"{WHERE}\"").stdout, pamhost.inode("bob"))
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_put_back(self):
        where = pathlib.Path("/run/where.sh")
        where.write_text(f"#!/bin/sh\necho $PAM_TYPE $(pwd) $({READ})\n")
        where.chmod(0o755)
        pathlib.Path("/etc/pam.d/there").write_text(
            f"session required {pamhost.MODULE} private_etc\nsession optional pam_exec.so stdout {where}\n")
        text = wh.run("pamtester", "there", "alice", "open_session", "close_session", cwd="/run/sshd").stdout
        seen = [line for line in text.splitlines() if line.startswith(("open_session ", "close_session "))]
        self.assertEqual(seen, [f"open_session /run/sshd {' '.join(self.of('alice').split())}",
                                f"close_session /run/sshd {' '.join(self.own.split())}"])


if __name__ == "__main__":
    wh.main()
