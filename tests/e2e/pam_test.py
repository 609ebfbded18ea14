# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions of real programs land in the target user's space: sshd, su, sudo, cron, and what they start."""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import pamhost  # noqa: E402
import warrenhost as wh  # noqa: E402
from pamhost import WHERE, inode  # noqa: E402


class Spaces(pamhost.PamTest):
    """alice has a space of her name, bob is a member of web2, carol by her group of shared, dave has none."""

    def setUp(self):
        super().setUp()
        for name in ("alice", "web2", "shared"):
            wh.warren("add", name)
        wh.warren("member", "add", "web2", "bob")
        wh.warren("member", "add", "shared", "@team")


class Ssh(Spaces):
    def test_command_and_all_it_starts(self):
        result = self.ssh("alice", f"{WHERE}; sh -c '{WHERE}'; setsid sh -c '{WHERE}'")
        self.assertEqual(result.stdout, inode("alice") * 3)
        self.assertTrue(self.syslog.wait("alice: session in space alice"))
        self.assertEqual(len(self.syslog.of_module()), 1)

    def test_member_group_and_stranger(self):
        self.assert_in("web2", self.ssh("bob", WHERE))
        self.assert_in("shared", self.ssh("carol", WHERE))
        self.assert_in(wh.HOST, self.ssh("dave", WHERE))

    def test_root_and_rescue_group_stay_on_the_host(self):
        self.use("skip_group=rescue")
        wh.warren("add", "rescuer")
        self.assert_in(wh.HOST, self.ssh("root", WHERE))
        self.assert_in(wh.HOST, self.ssh("rescuer", WHERE))
        self.use()
        self.assert_in("rescuer", self.ssh("rescuer", WHERE))

    def test_min_uid(self):
        self.use("min_uid=2002")
        self.assert_in(wh.HOST, self.ssh("alice", WHERE))
        self.assert_in("web2", self.ssh("bob", WHERE))

    def test_terminal(self):
        result = self.ssh("alice", f"tty; {WHERE}", "-tt")
        self.assertEqual(result.stdout.replace("\r", "").split("\n")[1] + "\n", inode("alice"))
        self.assertIn("/dev/pts/", result.stdout)

    def test_network_is_that_of_the_space(self):
        with wh.serve("alice", 8080), wh.serve(wh.HOST, 8080):
            result = self.ssh("alice", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080; head -1 <&3'")
        self.assertTrue(result.stdout.startswith('["alice"'), result.stdout)

    def test_sftp_and_scp(self):
        pathlib.Path("/run/sshd/file").write_text("carried")
        target = f"alice@{wh.UPLINK4}"
        wh.run("scp", *pamhost.SSH_OPTIONS, "/run/sshd/file", f"{target}:by_scp", ns=wh.OUTSIDE)
        wh.run("sftp", *pamhost.SSH_OPTIONS, "-b", "-", target, ns=wh.OUTSIDE, input="put /run/sshd/file by_sftp\n")
        wh.run("sftp", *pamhost.SSH_OPTIONS, f"{target}:by_sftp", "/run/sshd/back", ns=wh.OUTSIDE)
        for path in (pamhost.HOMES / "alice/by_scp", pamhost.HOMES / "alice/by_sftp", pathlib.Path("/run/sshd/back")):
            self.assertEqual(path.read_text(), "carried")

    def test_forwarded_to_a_server_in_the_space(self):
        with wh.serve("alice", 8080, addresses=("127.0.0.1",)), wh.serve(wh.HOST, 8080, addresses=("127.0.0.1",)), \
                self.ssh_open("alice", "-L", "9000:127.0.0.1:8080"):
            reply = wh.wait_until(lambda: wh.connect(wh.OUTSIDE, "127.0.0.1", 9000))
        self.assertEqual(reply.server, "alice")

    def test_listens_in_the_space_for_the_client(self):
        with wh.serve(wh.OUTSIDE, 8080, addresses=("127.0.0.1",)), self.ssh_open("alice", "-R", "9001:127.0.0.1:8080"):
            reply = wh.wait_until(lambda: wh.connect("alice", "127.0.0.1", 9001))
            self.assertIsNone(wh.connect(wh.HOST, "127.0.0.1", 9001))
        self.assertEqual(reply.server, wh.OUTSIDE)

    def test_many_sessions_over_one_connection(self):
        control = ("-o", "ControlPath=/run/sshd/control")
        with self.ssh_open("alice", "-o", "ControlMaster=yes", *control):
            self.assertTrue(wh.wait_until(lambda: os.path.exists("/run/sshd/control")))
            for _ in range(3):
                self.assert_in("alice", self.ssh("alice", WHERE, *control))
        self.assertEqual(len(self.syslog.of_module("session in space alice")), 1)

    def test_the_listening_sshd_stays_on_the_host(self):
        self.ssh("alice", "true")
        self.assertEqual(f"{os.stat(f'/proc/{self.sshd.pid}/ns/net').st_ino}\n", inode(wh.HOST))

    def test_environment_is_what_it_is_without_the_module(self):
        def environment():
            return {line for line in self.ssh("alice", "env").stdout.splitlines() if not line.startswith("SSH_")}
        inside = environment()
        self.use(services=("su",))
        pathlib.Path("/etc/pam.d/sshd").write_text(pathlib.Path("/run/pam.d.original/sshd").read_text())
        self.assertEqual(environment(), inside)


class Su(Spaces):
    def test_from_the_host(self):
        self.assert_in("alice", self.su("alice", WHERE))
        self.assert_in("web2", self.su("bob", WHERE))
        self.assert_in(wh.HOST, self.su("root", WHERE))
        self.assert_in(wh.HOST, self.su("dave", WHERE))

    def test_from_one_tenant_to_another_and_to_root(self):
        self.assert_in("web2", self.su("bob", WHERE, ns="alice"))
        self.assert_in(wh.HOST, self.su("root", WHERE, ns="alice"))
        self.assert_in("alice", self.su("alice", WHERE, ns="alice"))

    def test_login_shell_has_the_module_twice(self):
        """su-l includes su: with the module in both it runs two times for one session."""
        self.use(services=("su", "su-l"))
        self.assert_in("web2", self.su("bob", WHERE, "-", ns="alice"))
        self.assertEqual(len(self.syslog.of_module("bob: session in space web2")), 1)

    def test_with_a_terminal_of_its_own(self):
        self.assert_in("alice", self.su("alice", WHERE, "--pty"))


class Sudo(Spaces):
    def test_to_root_comes_back_to_the_host(self):
        self.assert_in(wh.HOST, self.sudo(WHERE, ns="alice"))
        self.assertTrue(self.syslog.wait("root: session in the host's network namespace"))
        self.assert_in(wh.HOST, self.sudo(WHERE, "-i", ns="alice"))

    def test_to_another_tenant(self):
        self.assert_in("web2", self.sudo(WHERE, "-u", "bob", ns="alice"))
        self.assert_in("web2", self.sudo(WHERE, "-u", "bob"))

    def test_within_a_session_by_ssh(self):
        self.assert_in(wh.HOST, self.ssh("alice", f"sudo -n {WHERE}"))
        self.assert_in("alice", self.ssh("alice", f"sudo -n sudo -n -u bob sudo -n -u alice {WHERE}"))


class Cron(Spaces):
    def test_jobs_run_in_the_space(self):
        """By @reboot lines, which cron runs as soon as it starts."""
        os.makedirs("/var/spool/cron", exist_ok=True)
        wh.run("mount", "-t", "tmpfs", "tmpfs", "/var/spool/cron")
        pathlib.Path("/var/spool/cron/crontabs").mkdir(mode=0o1730)
        results_at = pathlib.Path("/run/cron-results")
        results_at.mkdir()
        results_at.chmod(0o1777)
        percent_escaped = WHERE.replace("%", r"\%")
        for user in ("alice", "bob", "root"):
            wh.run("crontab", "-u", user, "-", input=f"@reboot {percent_escaped} >{results_at}/$LOGNAME\n")
        results = {"alice": "alice", "bob": "web2", "root": wh.HOST}
        with wh.killed_after(wh.start("cron", "-f", stderr=subprocess.DEVNULL)):
            for user, space in results.items():
                path = results_at / user
                self.assertEqual(wh.wait_until(lambda path=path: path.exists() and path.read_text()), inode(space))


class Pamtester(Spaces):
    services = ("login", "sshd", "su", "sudo", "cron")

    def test_every_stack_opens_and_closes(self):
        for service in self.services:
            with self.subTest(service):
                self.use(phases=("account", "session"))
                wh.run("pamtester", service, "alice", "acct_mgmt", "open_session", "close_session")
                self.assertTrue(self.syslog.wait(f"pam_warren({service}:session): alice: session in space alice"))


class Page(wh.HostTest):
    page = wh.ROOT / "docs/pam_warren.8"

    def test_no_warning_in_any_width(self):
        for width in 80, 120, 200:
            result = wh.run("man", "--nh", "--nj", "--warnings=w", "-l", self.page,
                            env=os.environ | {"LC_ALL": "C", "MANWIDTH": str(width)})
            self.assertEqual(result.stderr, "")

    def test_each_option_is_described(self):
        known = set(re.findall(r'(?:key|word) == "(\w+)"', (wh.ROOT / "apps/pam/options.cc").read_text()))
        options = self.page.read_text().split(".Ss Options")[1].split(".Ss")[0]
        self.assertEqual(set(re.findall(r"^\.It Cm (\w+)", options, re.MULTILINE)), known)


if __name__ == "__main__":
    wh.main()
