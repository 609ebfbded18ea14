# SPDX-License-Identifier: GPL-2.0-or-later
"""Units and logins that land in a space: NetworkNamespacePath=, PAMName=, supervisord@, user@, sshd; and after a reboot."""

import os
import pathlib
import pwd
import shutil
import unittest

import story
import systemhost as sh
import warrenhost as wh

PORTS = {"alice": 6000, "bob": 6001}  # to port 8080, of what runs by PAM
OTHERS = {"alice": 6090, "bob": 6091}  # to port 8090, of what runs by path
SUPERVISOR = """[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/tmp/supervisord.{name}.pid
[program:web]
command={command}
"""
USER_UNIT = "[Service]\nExecStart={}\n[Install]\nWantedBy=default.target\n"
SSH = ["ssh", "-i", "/root/.ssh/key", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]


def stack(name, line):
    """Adds a line to a stack of PAM; one of the vendor's is copied to /etc first."""
    path = pathlib.Path("/etc/pam.d", name)
    if not path.exists():
        shutil.copy(f"/usr/lib/pam.d/{name}", path)
    path.write_text(f"{path.read_text()}\n{line}\n")


def write_as(name, path, text):
    """A file in somebody's home."""
    account = pwd.getpwnam(name)
    target = pathlib.Path(account.pw_dir, path)
    for directory in reversed([top for top in target.parents if top.is_relative_to(account.pw_dir)]):
        directory.mkdir(exist_ok=True)
        os.chown(directory, account.pw_uid, account.pw_gid)
    target.write_text(text)
    os.chown(target, account.pw_uid, account.pw_gid)


def ssh(name, command="readlink /proc/self/ns/net"):
    return wh.run(*SSH, f"{name}@127.0.0.1", command, check=False)


def netns_link(name):
    """What readlink says of the namespace of a space, or of the host."""
    return f"net:[{sh.netns_of(1) if name is wh.HOST else os.stat(f'/run/netns/{name}').st_ino}]"


def transient(*properties, command=("readlink", "/proc/self/ns/net"), check=True):
    """Runs a command as a unit with these properties."""
    return wh.run("systemd-run", "--quiet", "--wait", "--pipe", *(f"--property={text}" for text in properties), *command,
                  check=check)


def setUpModule():
    if pathlib.Path("/home/carol").exists():
        return  # made before the reboot
    for name, port in PORTS.items():
        sh.user(name)
        wh.warren("add", name, "-p", f"{port}:8080", "-p", f"{OTHERS[name]}:8090")
    sh.user("carol")  # who has no space
    sh.systemctl("enable", "--now", "warren.service")


class ByPath(sh.SystemTest):
    """Needs nothing but systemd."""
    boot = 1

    def test_example_drop_in(self):
        text = (sh.EXAMPLES / "in-a-space.conf").read_text()
        sh.unit("web.service", f"[Service]\nUser=carol\nExecStart={sh.serve_command(8090, 'web')}\n")
        sh.unit("web.service.d/space.conf", text.replace("web1", "alice"))
        sh.systemctl("start", "web.service")
        self.assertEqual(sh.space_of(sh.show("web.service", "MainPID")), "alice")
        self.assertReached(OTHERS["alice"], "web")
        sh.systemctl("stop", "web.service")

    def test_template_with_instances_named_as_their_spaces(self):
        text = (sh.EXAMPLES / "in-a-space.conf").read_text()
        sh.unit("each@.service", f"[Service]\nExecStart={sh.serve_command(8090, '%i')}\n")
        sh.unit("each@.service.d/space.conf", text.replace("web1", "%i"))
        sh.systemctl("start", "each@alice.service", "each@bob.service")
        for name, port in OTHERS.items():
            self.assertReached(port, name)
        sh.systemctl("stop", "each@*.service")

    def test_names_with_dashes_and_dots(self):
        for name in "web-1", "b.example":
            with self.subTest(name=name):
                wh.warren("add", name)
                wh.run("ip", "link", "delete", f"veth_{name}_o", check=False)
                sh.systemctl("start", f"warren@{name}.service")
                self.assertClean()


class Checks(sh.SystemTest):
    """What is so in the first boot and must be so in the second."""

    def check_supervisord(self):
        for name, port in PORTS.items():
            self.assertReached(port, name)
            pids = sh.pids_of(f"supervisord@{name}.service")
            self.assertEqual({sh.space_of(pid) for pid in pids}, {name})
            commands = [pathlib.Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]
            self.assertTrue(any("server.py" in text for text in commands), commands)
            self.assertIn(pwd.getpwnam(name).pw_uid, {os.stat(f"/proc/{pid}").st_uid for pid in pids})

    def check_user_manager(self):
        self.assertReached(6085, "mine")
        manager = f"user@{pwd.getpwnam('bob').pw_uid}.service"
        self.assertEqual({sh.space_of(pid) for pid in sh.pids_of(manager)}, {"bob"})

    def check_logins(self):
        for name, space in ("alice", "alice"), ("bob", "bob"), ("carol", wh.HOST), ("root", wh.HOST):
            with self.subTest(user=name):
                result = ssh(name)
                self.assertEqual(result.stdout.strip(), netns_link(space), result.stderr)
        self.assertIn(".scope", ssh("alice", "cat /proc/self/cgroup").stdout)


@unittest.skipUnless(sh.PAM, "pam_warren.so is not installed")
class ByPam(story.Story, Checks):
    boot = 1

    @classmethod
    def setUpClass(cls):
        shutil.copy(sh.PREFIX / "lib/pam.d/warren-service", "/etc/pam.d/")
        for name in "systemd-user", "sshd", "su":
            stack(name, f"session required {sh.PAM}")
        os.makedirs("/root/.ssh", 0o700, exist_ok=True)
        wh.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/.ssh/key")
        key = pathlib.Path("/root/.ssh/key.pub").read_text()
        pathlib.Path("/root/.ssh/authorized_keys").write_text(key)
        for name in "alice", "bob", "carol":
            write_as(name, ".ssh/authorized_keys", key)

    def step_a_member_is_placed_and_others_are_not(self):
        for user, space in ("alice", "alice"), ("bob", "bob"), ("carol", wh.HOST), ("root", wh.HOST), ("daemon", wh.HOST):
            with self.subTest(user=user):
                result = transient(f"User={user}", "PAMName=warren-service")
                self.assertEqual(result.stdout.strip(), netns_link(space))

    def step_together_with_sandboxing(self):
        result = transient("User=alice", "PAMName=warren-service", "NoNewPrivileges=yes", "PrivateTmp=yes",
                           "ProtectSystem=strict", "ProtectHome=read-only", "PrivateDevices=yes", "RestrictNamespaces=yes",
                           "SystemCallFilter=@system-service")
        self.assertEqual(result.stdout.strip(), netns_link("alice"))

    def step_example_drop_in(self):
        sh.unit("member.service", f"[Service]\nUser=bob\nExecStart={sh.serve_command(8080, 'member')}\n")
        sh.unit("member.service.d/space.conf", (sh.EXAMPLES / "as-a-member.conf").read_text())
        sh.systemctl("start", "member.service")
        self.assertReached(PORTS["bob"], "member")
        sh.systemctl("stop", "member.service")

    def step_supervisord_of_each_user(self):
        sh.unit("supervisord@.service", (sh.EXAMPLES / "supervisord@.service").read_text())
        for name in PORTS:
            write_as(name, "etc/supervisord.conf", SUPERVISOR.format(name=name, command=sh.serve_command(8080, name)))
            sh.systemctl("enable", "--now", f"supervisord@{name}.service")
        self.check_supervisord()

    def step_restart_of_supervisord(self):
        sh.systemctl("restart", "supervisord@alice.service")
        self.check_supervisord()

    def step_user_manager(self):
        write_as("bob", ".config/systemd/user/mine.service", USER_UNIT.format(sh.serve_command(8085, "mine")))
        write_as("bob", ".config/systemd/user/default.target.wants/.keep", "")
        os.symlink("../mine.service", f"{pwd.getpwnam('bob').pw_dir}/.config/systemd/user/default.target.wants/mine.service")
        wh.warren("port", "add", "bob", "6085:8085")
        wh.run("loginctl", "enable-linger", "bob")
        self.check_user_manager()

    def step_logins(self):
        self.check_logins()


@unittest.skipUnless(sh.PAM, "pam_warren.so is not installed")
class Rebooted(Checks):
    boot = 2

    def test_services_of_users_are_back_in_their_spaces(self):
        self.check_supervisord()
        self.check_user_manager()

    def test_logins(self):
        self.check_logins()


if __name__ == "__main__":
    sh.main()
