# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions whose space is not ready: built on the way in, or refused by sshd, su, sudo and cron alike."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import pamhost  # noqa: E402
import warrenhost as wh  # noqa: E402
from pamhost import WHERE, inode  # noqa: E402

INDEX = pathlib.Path("/run/warren/sessions")
BOTH = ("account", "session")


def forget_index():
    """As after a boot, before `warren up`."""
    wh.run("umount", INDEX / "host")
    wh.run("rm", "-rf", INDEX)


def dangle(user):
    """As while the space is being built."""
    path = INDEX / "d" / user
    path.unlink(missing_ok=True)
    path.symlink_to(INDEX / "unready")


class Built(pamhost.PamTest):
    """By the helper, which is warren itself."""

    def test_pin_is_gone(self):
        wh.warren("add", "alice")
        wh.run("umount", "/run/netns/alice")
        result = self.su("alice", WHERE)
        self.assert_in("alice", result)
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_link_dangles(self):
        wh.warren("add", "alice")
        dangle("alice")
        self.assert_in("alice", self.ssh("alice", WHERE))
        self.assertEqual(os.readlink(INDEX / "d/alice"), "/run/netns/alice")

    def test_nothing_is_known_yet(self):
        wh.warren("add", "alice")
        wh.warren("add", "shared")
        wh.warren("member", "add", "shared", "@team")
        for user, space in {"alice": "alice", "carol": "shared", "dave": wh.HOST}.items():
            with self.subTest(user):
                forget_index()
                self.assert_in(space, self.su(user, WHERE))

    def test_from_within_another_space(self):
        """The helper works on the host whatever the caller is in."""
        wh.warren("add", "alice")
        wh.warren("add", "bob")
        wh.run("umount", "/run/netns/bob")
        self.assert_in("bob", self.su("bob", WHERE, ns="alice"))
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")

    def test_created_at_the_first_login(self):
        wh.warren("add", "alice")
        self.assert_in(wh.HOST, self.su("dave", WHERE))
        self.use("create")
        result = self.ssh("dave", WHERE)
        self.assert_in("dave", result)
        self.assert_in("dave", self.su("dave", WHERE))

    def test_fifty_first_logins_at_once(self):
        self.use(f"create timeout={wh.patience(60):.0f}s")
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            ways = [self.ssh if number % 10 == 0 else self.su for number in range(50)]
            results = list(pool.map(lambda way: way("dave", WHERE, check=False), ways))
        self.assertEqual([result.returncode for result in results], [0] * 50, results)
        self.assertEqual({result.stdout for result in results}, {inode("dave")})
        self.assertEqual([space["name"] for space in wh.warren("ls", json=True)], ["dave"])
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")


class Refused(pamhost.PamTest):
    """The helper fails, hangs or changes nothing."""

    def setUp(self):
        super().setUp()
        wh.warren("add", "alice")
        dangle("alice")
        self.failing = pamhost.helper("echo 'the disk is full' >&2; exit 1")
        self.use(f"helper={self.failing}")

    def test_ssh_runs_nothing(self):
        result = self.ssh("alice", WHERE, check=False)
        self.assertEqual(result.returncode, 254)
        self.assertIn("Your space is not ready.", result.stdout)
        self.assertNotIn(inode(wh.HOST), result.stdout)
        self.assertIn("alice: refused: the helper failed with exit code 1: the disk is full", self.syslog.wait("alice"))

    def test_ssh_forwards_nothing(self):
        with wh.serve(wh.HOST, 8080, addresses=("127.0.0.1",)) as server, \
                self.ssh_open("alice", "-L", "9000:127.0.0.1:8080"):
            self.syslog.wait("refused")
            self.assertIsNone(wh.connect(wh.OUTSIDE, "127.0.0.1", 9000))
            self.assertEqual(server.peers, [])

    def test_ssh_ends_in_the_account_phase(self):
        self.use(f"helper={self.failing}", BOTH)
        result = self.ssh("alice", WHERE, check=False)
        self.assert_refused(result)
        self.assertEqual(result.returncode, 255)

    def test_su(self):
        self.assert_refused(self.su("alice", WHERE, check=False))

    def test_su_in_the_account_phase(self):
        self.use(f"helper={self.failing}", ("account",))
        self.assert_refused(self.su("alice", WHERE, ns="outside", check=False))

    def test_sudo_to_him(self):
        self.assert_refused(self.sudo(WHERE, "-u", "alice", check=False), "policy plugin failed session initialization")

    def test_sudo_by_him(self):
        """The account that sudo asks about is the caller's."""
        self.use(f"helper={self.failing}", ("account",))
        self.assert_refused(self.sudo(WHERE, check=False), "PAM account management error: Permission denied")

    def test_sudo_would_not_mind_a_session_error(self):
        """Why the module never returns it."""
        original = pathlib.Path("/run/pam.d.original/sudo").read_text()
        line = "session required pam_debug.so open_session={}\n"
        pathlib.Path("/etc/pam.d/sudo").write_text(original + line.format("session_err"))
        self.assertTrue(self.sudo(WHERE, "-u", "alice").stdout.startswith(inode(wh.HOST)))
        pathlib.Path("/etc/pam.d/sudo").write_text(original + line.format("system_err"))
        result = self.sudo(WHERE, "-u", "alice", check=False)
        self.assertNotIn(inode(wh.HOST), result.stdout)
        self.assertNotEqual(result.returncode, 0)

    def test_cron(self):
        for phases in (("account",), ("session",)):
            self.use(f"helper={self.failing}", phases)
            self.syslog.lines.clear()
            wh.run("mkdir", "-p", "/var/spool/cron")
            wh.run("mount", "-t", "tmpfs", "tmpfs", "/var/spool/cron")
            pathlib.Path("/var/spool/cron/crontabs").mkdir(mode=0o1730)
            for user in ("alice", "bob"):
                wh.run("crontab", "-u", user, "-", input="@reboot touch $HOME/ran\n")
            pathlib.Path("/run/crond.reboot").unlink(missing_ok=True)
            with wh.killed_after(wh.start("cron", "-f", stderr=subprocess.DEVNULL)):
                self.assertTrue(self.syslog.wait("refused"))
                self.assertTrue(wh.wait_until((pamhost.HOMES / "bob/ran").exists), "others' jobs run")
                time.sleep(wh.SILENCE)
            wh.run("umount", "/var/spool/cron")
            (pamhost.HOMES / "bob/ran").unlink()
            self.assertFalse((pamhost.HOMES / "alice/ran").exists(), phases)

    def test_root_and_others_come_in(self):
        self.use(f"helper={self.failing}", BOTH)
        self.assert_in(wh.HOST, self.ssh("root", WHERE))
        self.assert_in(wh.HOST, self.ssh("dave", WHERE))
        forget_index()
        self.assert_in(wh.HOST, self.ssh("root", WHERE))
        self.assert_in(wh.HOST, self.su("root", WHERE))

    def test_helper_that_hangs(self):
        self.use(f"helper={pamhost.helper('sleep 3000')} timeout=300ms")
        self.assert_refused(self.su("alice", WHERE, check=False))  # or it would take an hour
        self.assertTrue(self.syslog.wait("the helper took longer than 300 ms"))
        # Killed, not waited for by su, which may be gone: init's turn.
        self.assertTrue(wh.wait_until(lambda: not wh.run("pgrep", "-f", "sleep 3000", check=False).stdout))

    def test_on_the_host_where_that_is_wanted(self):
        self.use(f"helper={self.failing} on_error=host", BOTH)
        for result in (self.ssh("alice", WHERE), self.su("alice", WHERE), self.sudo(WHERE, "-u", "alice")):
            self.assert_in(wh.HOST, result)
        self.assertTrue(self.syslog.wait("alice: session on the host, not in its space: the helper failed"))

    def test_index_entry_that_is_no_namespace(self):
        traps = {"file": "echo >{}", "pipe": "mkfifo {}", "link": "ln -s /etc/passwd {}",
                 "mounts": "ln -s /proc/self/ns/mnt {}", "gone": "ln -s /run/netns/outside2 {}"}
        for name, command in traps.items():
            with self.subTest(name):
                path = INDEX / "d/alice"
                path.unlink(missing_ok=True)
                wh.run("sh", "-c", command.format(path))
                self.assert_refused(self.su("alice", WHERE, check=False))  # a pipe would hold it up for ever


class PutBack(pamhost.PamTest):
    """A program that opens and closes sessions is afterwards where it was."""

    def test_by_pamtester(self):
        wh.warren("add", "alice")
        where = pathlib.Path("/run/where.sh")
        where.write_text(f"#!/bin/sh\necho $PAM_TYPE $({WHERE})\n")
        where.chmod(0o755)
        pathlib.Path("/etc/pam.d/there").write_text(
            f"session required {pamhost.MODULE}\nsession optional pam_exec.so stdout {where}\n")
        text = wh.run("pamtester", "there", "alice", "open_session", "close_session", "open_session").stdout
        seen = [line.strip() for line in text.splitlines() if line.startswith(("open_session ", "close_session "))]
        self.assertEqual(seen, [f"open_session {inode('alice').strip()}", f"close_session {inode(wh.HOST).strip()}",
                                f"open_session {inode('alice').strip()}"])


if __name__ == "__main__":
    wh.main()
