# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests of sessions in the throw-away host: users, a syslog that is read, PAM stacks with the module, and the real
sshd, su, sudo and cron.

    import pamhost

    class Login(pamhost.PamTest):
        services = ("sshd", "su")

        def test_lands_in_his_space(self):
            wh.warren("add", "alice")
            self.assertEqual(self.ssh("alice", pamhost.WHERE).stdout, pamhost.inode("alice"))
"""

import contextlib
import os
import pathlib
import shutil
import socket
import stat
import threading

import warrenhost as wh

MODULE = os.environ.get("PAM_WARREN", str(pathlib.Path(wh.WARREN).parents[1] / "pam/pam_warren.so"))
HOMES = pathlib.Path("/var/lib/homes")  # /home is the machine's
KEY = "/run/sshd/key"
WHERE = "stat -Lc %i /proc/self/ns/net"  # for a shell: which network namespace it is in
NEEDED = ("sshd", "ssh", "sftp", "scp", "sudo", "cron", "pamtester")
USERS = {"alice": 2001, "bob": 2002, "carol": 2003, "dave": 2004, "rescuer": 2005}

SSHD_CONFIG = f"""
UsePAM yes
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
HostKey /run/sshd/host_key
AuthorizedKeysFile {KEY}.pub
PidFile none
MaxStartups 200
Subsystem sftp internal-sftp
"""
SSH_OPTIONS = ("-F", "none", "-i", KEY, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "LogLevel=INFO", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes")


def inode(space):
    """What WHERE prints in a space; HOST: in the host's own namespace."""
    path = "/proc/1/ns/net" if space is wh.HOST else f"/run/netns/{space}"
    return f"{os.stat(path).st_ino}\n"


def helper(text):
    """A shell script to stand for warren in `helper=`: its path."""
    path = pathlib.Path("/run/helper")
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)
    return path


class Syslog:
    """What is sent to /dev/log."""

    def __init__(self):
        self.lines = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.lines.append(self.sock.recv(8192).decode(errors="replace"))

    def of_module(self, text=""):
        """What the module said, with this in it."""
        return [line for line in self.lines if "pam_warren(" in line and text in line]

    def wait(self, text):
        """The first line of the module with this in it; None where it does not come."""
        return wh.wait_until(lambda: next(iter(self.of_module(text)), None))


def private_dev():
    """A /dev of its own, so that /dev/log can be ours."""
    nodes = {name: os.stat(f"/dev/{name}") for name in ("null", "zero", "full", "random", "urandom", "tty")}
    wh.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    for name, status in nodes.items():
        os.mknod(f"/dev/{name}", 0o666 | stat.S_IFCHR, status.st_rdev)
        os.chmod(f"/dev/{name}", 0o666)
    os.mkdir("/dev/pts")
    wh.run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=666,mode=620,gid=5", "devpts", "/dev/pts")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.mkdir("/dev/shm", 0o1777)
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")


def add_user(name, uid):
    home = HOMES / name
    wh.run("useradd", "--uid", uid, "--user-group", "--create-home", "--home-dir", home, "--shell", "/bin/sh", name)


def users_and_groups():
    HOMES.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, uid in USERS.items():
        add_user(name, uid)
    wh.run("groupadd", "team")
    wh.run("usermod", "-aG", "team", "carol")
    wh.run("groupadd", "rescue")
    wh.run("usermod", "-aG", "rescue", "rescuer")
    pathlib.Path("/etc/sudoers.d/tenants").write_text("alice ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) NOPASSWD: ALL\n")


def prepare_sshd():
    pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for path in (KEY, "/run/sshd/host_key"):
        wh.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    pathlib.Path("/run/sshd/config").write_text(SSHD_CONFIG)
    return wh.start(shutil.which("sshd"), "-D", "-f", "/run/sshd/config")


class PamTest(wh.HostTest):
    """Each test starts with the stacks of `services` as Debian has them, and the module at their end."""

    services = ("sshd", "su", "sudo", "sudo-i", "cron")
    syslog = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        missing = [name for name in NEEDED if not shutil.which(name)]
        if missing:
            raise AssertionError(f"not installed: {', '.join(missing)}")
        if not os.access(MODULE, os.R_OK):
            raise AssertionError(f"{MODULE} is not built")
        if not PamTest.syslog:
            private_dev()
            PamTest.syslog = Syslog()
            users_and_groups()
            shutil.copytree("/etc/pam.d", "/run/pam.d.original")
            PamTest.sshd = prepare_sshd()
            wh.wait_until(lambda: wh.run("ssh-keyscan", "-p", "22", "127.0.0.1", check=False).stdout)

    def setUp(self):
        self.use()
        self.syslog.lines.clear()

    def use(self, options="", phases=("session",), services=None, more=()):
        """Puts the module into the stacks, with these options; `more` are lines that follow it."""
        for service in services or self.services:
            text = pathlib.Path("/run/pam.d.original", service).read_text()
            lines = [f"{phase} required {MODULE} helper={wh.WARREN} {options}" for phase in phases]
            pathlib.Path("/etc/pam.d", service).write_text("\n".join([text, *lines, *more, ""]))

    # ---- ways in, each from the internet or from the host; the CompletedProcess ------------------------------------

    def ssh(self, user, command, *options, check=True):
        words = ("ssh", *SSH_OPTIONS, *options, f"{user}@{wh.UPLINK4}", command)
        return wh.run(*words, ns=wh.OUTSIDE, check=check)

    @contextlib.contextmanager
    def ssh_open(self, user, *options):
        """A connection that only forwards, while the block lasts."""
        command = ("ssh", *SSH_OPTIONS, *options, "-N", f"{user}@{wh.UPLINK4}")
        with wh.killed_after(wh.start(*command, ns=wh.OUTSIDE)) as process:
            yield process

    def su(self, user, command, *options, ns=wh.HOST, check=True):
        return wh.run("su", *options, user, "-c", command, ns=ns, check=check)

    def sudo(self, command, *options, ns=wh.HOST, check=True):
        """As alice, who may all."""
        as_alice = ("setpriv", "--reuid=alice", "--regid=alice", "--init-groups")
        return wh.run(*as_alice, "sudo", *options, "sh", "-c", command, ns=ns, check=check)

    def assert_in(self, space, result):
        """Did the command, which printed WHERE, run in this space?"""
        self.assertEqual((result.stdout, result.returncode), (inode(space), 0), result.stderr)

    def assert_refused(self, result, text="Your space is not ready"):
        """Nothing ran, and the user was told why."""
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "")
        self.assertIn(text, result.stderr)
