# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose sessions land where: members, the index of links that logins follow, `up --member`, audit, confinement."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

FOUND = 3
INDEX = pathlib.Path("/run/warren/sessions")
UNREADY = str(INDEX / "unready")
CONFIG_CONFINE = "[sessions]\nconfine = true\n"

ALICE, BOB, CAROL, SYSTEM = 2001, 2002, 2003, 999
PASSWD = f"""alice:x:{ALICE}:{ALICE}::/:/bin/sh
bob:x:{BOB}:{BOB}::/:/bin/sh
carol:x:{CAROL}:3001::/:/bin/sh
service:x:{SYSTEM}:{SYSTEM}::/:/bin/sh
"""
GROUP = f"""alice:x:{ALICE}:
bob:x:{BOB}:
service:x:{SYSTEM}:
team:x:3000:bob,alice,service,root
crew:x:3001:bob
"""


def sh(line, ns=wh.HOST):
    wh.run("sh", "-c", line, ns=ns)


def append(path, text):
    with open(path, "a") as file:  # /etc is the throw-away host's own
        file.write(text)


def links():
    """The index: {"u/alice": "web1" or "unready"}."""
    return {f"{kind}/{name}": os.path.basename(os.readlink(INDEX / kind / name))
            for kind in "ugd" if (INDEX / kind).exists() for name in os.listdir(INDEX / kind)}


def leads_somewhere(entry):
    """Would a login follow this link into a namespace?"""
    return os.path.exists(INDEX / entry)


class Members(wh.HostTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "alice:" not in pathlib.Path("/etc/passwd").read_text():
            append("/etc/passwd", PASSWD)
            append("/etc/group", GROUP)

    def assert_links(self, **wanted):
        """All links there are: u_alice="web1"."""
        self.assertEqual(links(), {key.replace("_", "/", 1): value for key, value in wanted.items()})
        self.assert_whole()

    def assert_whole(self):
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout), (0, "all is as it should be\n"))

    def assert_refused(self, code, text, *command):
        before = links()
        result = wh.warren(*command, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual(links(), before)


class Index(Members):
    """The links are what the store says, after each command."""

    def test_user_of_the_same_name(self):
        wh.warren("add", "alice")
        self.assert_links(d_alice="alice")
        self.assertEqual(os.stat(INDEX / "d/alice").st_ino, os.stat("/run/netns/alice").st_ino)

    def test_members(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice", "@team")
        self.assert_links(d_web1="web1", u_alice="web1", g_team="web1")
        self.assertEqual(wh.warren("member", "ls", json=True),
                         [{"space": "web1", "kind": "user", "name": "alice"},
                          {"space": "web1", "kind": "group", "name": "team"}])
        self.assertEqual(wh.warren("member", "ls").stdout.split(), ["SPACE", "MEMBER", "web1", "alice", "web1", "@team"])
        wh.warren("member", "rm", "web1", "alice", "@team")
        self.assert_links(d_web1="web1")

    def test_list_of_one_space(self):
        for name in "web1", "web2":
            wh.warren("add", name)
        wh.warren("member", "add", "web1", "alice")
        wh.warren("member", "add", "web2", "bob")
        self.assertEqual([one["name"] for one in wh.warren("member", "ls", "web2", json=True)], ["bob"])
        self.assert_refused(1, "there is no space 'web3'", "member", "ls", "web3")

    def test_member_of_another_space(self):
        for name in "web1", "web2":
            wh.warren("add", name)
        wh.warren("member", "add", "web1", "alice", "@team")
        self.assert_refused(1, "alice is a member of space web1 already", "member", "add", "web2", "alice")
        self.assert_refused(1, "@team is a member of space web1 already", "member", "add", "web2", "bob", "@team")
        self.assert_refused(1, "alice is a member of space web1 already", "member", "add", "web1", "alice")
        self.assert_links(d_web1="web1", d_web2="web2", u_alice="web1", g_team="web1")

    def test_refusals(self):
        wh.warren("add", "web1")
        self.assert_refused(1, "there is no space 'none'", "member", "add", "none", "alice")
        self.assert_refused(1, "alice is no member of it", "member", "rm", "web1", "alice")
        self.assert_refused(2, "'../alice' is no user or group name", "member", "add", "web1", "../alice")
        self.assert_refused(2, "'' is no user or group name", "member", "add", "web1", "@")

    def test_a_user_who_is_not_there_yet(self):
        wh.warren("add", "web1")
        self.assertIn("there is no user 'ghost' yet", wh.warren("member", "add", "web1", "ghost").stderr)
        self.assert_links(d_web1="web1", u_ghost="web1")

    def test_a_member_of_another_space_than_his_name_s(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice")
        wh.warren("add", "alice")
        self.assert_links(d_web1="web1", u_alice="web1", d_alice="alice")
        wh.warren("down", "alice")
        self.assert_links(d_web1="web1", u_alice="web1", d_alice="unready")
        wh.warren("member", "rm", "web1", "alice")
        self.assert_links(d_web1="web1", d_alice="unready")
        wh.warren("member", "add", "web1", "alice")
        wh.warren("rm", "alice")
        self.assert_links(d_web1="web1", u_alice="web1")

    def test_whose_space_is_removed_is_his_name_s(self):
        """Without a link he would pass for one who has no space, and land on the host."""
        for name in "web1", "alice":
            wh.warren("add", name)
        wh.warren("member", "add", "web1", "alice")
        wh.warren("rm", "web1")
        self.assert_links(d_alice="alice")

    def test_down_and_up(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice", "@team")
        wh.warren("down", "web1")
        self.assert_links(d_web1="unready", u_alice="unready", g_team="unready")
        self.assertFalse(leads_somewhere("u/alice"))
        wh.warren("member", "add", "web1", "bob")
        self.assertEqual(links()["u/bob"], "unready")
        wh.warren("up", "web1")
        self.assert_links(d_web1="web1", u_alice="web1", u_bob="web1", g_team="web1")

    def test_rm_leaves_no_link(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        wh.warren("member", "add", "web1", "alice", "@team")
        wh.warren("rm", "web1")
        self.assert_links(d_web2="web2")
        wh.warren("rm", "--all")
        self.assert_links()
        wh.warren("add", "web1")
        self.assert_links(d_web1="web1")

    def test_a_refused_rm_or_down_changes_nothing(self):
        wh.warren("add", "web1")
        with wh.killed_after(wh.start("sleep", "100", ns="web1")):
            self.assert_refused(1, "processes are inside web1", "rm", "web1")
            self.assert_refused(1, "processes are inside web1", "down", "web1")
        self.assert_links(d_web1="web1")

    def test_a_refused_add_leaves_no_link(self):
        wh.warren("add", "web1", "-p", "6000:80")
        sh("ip link add veth_web2_o type veth peer name web2_o_htev")
        self.addCleanup(wh.run, "ip", "link", "del", "veth_web2_o", check=False)
        for command in ("add", "web2"), ("add", "web3", "-p", "6000:80"), ("add", "web4", "--dry-run"):
            wh.warren(*command, check=False)
        self.assertEqual(links(), {"d/web1": "web1"})

    def test_apply_and_prune(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice", "@team")
        wh.warren("apply", "-", input="[space.web1]\nstate = 'down'\n[space.web2]\n")
        self.assert_links(d_web1="unready", d_web2="web2", u_alice="unready", g_team="unready")
        wh.warren("apply", "-", input="[space.web1]\nip4 = '100.64.9.9'\n")
        self.assert_links(d_web1="web1", d_web2="web2", u_alice="web1", g_team="web1")
        wh.warren("apply", "-", "--prune", input="[space.web3]\n")
        self.assert_links(d_web3="web3")

    def test_adopt(self):
        sh("ip netns add guest")
        self.addCleanup(wh.run, "ip", "netns", "del", "guest", check=False)
        wh.warren("add", "other")
        wh.warren("adopt", "bob", "--path", "/run/netns/guest")
        self.assert_links(d_other="other", d_bob="bob")
        wh.warren("rm", "bob")
        self.assert_links(d_other="other")

    def test_ready_and_host(self):
        self.assertFalse((INDEX / "ready").exists())
        wh.warren("add", "web1")
        self.assertTrue((INDEX / "ready").is_file())
        host, own = os.stat(INDEX / "host"), os.stat("/proc/self/ns/net")
        self.assertEqual((host.st_dev, host.st_ino), (own.st_dev, own.st_ino))
        for path in INDEX, INDEX / "u", INDEX / "g", INDEX / "d":
            self.assertEqual((path.stat().st_mode & 0o7777, path.stat().st_uid), (0o755, 0))

    def test_after_a_reboot(self):
        """The store stands, /run is empty: nothing is known before `up`."""
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        wh.warren("member", "add", "web1", "@team")
        wh.warren("down", "web2")
        sh(f"umount {INDEX}/host; rm -r {INDEX}; ip netns del web1; nft flush ruleset")
        self.assertIn("logins do not know yet where to go", wh.warren("check", check=False).stdout)
        wh.warren("up")
        self.assert_links(d_web1="web1", g_team="web1", d_web2="unready")
        self.assertTrue((INDEX / "ready").is_file())
        self.assertTrue(os.path.samefile(INDEX / "host", "/proc/self/ns/net"))

    def tearDown(self):
        super().tearDown()
        self.assertEqual(links(), {})
        sh(f"umount {INDEX}/host; rm -rf {INDEX}")


class Faults(Members):
    """What others break in the index: `check` names it, `up` mends it."""

    def setUp(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        wh.warren("member", "add", "web1", "alice", "@team")
        self.whole = links()

    def breaks(self, command, *lines):
        sh(command)
        found = wh.warren("check", check=False)
        self.assertEqual((found.returncode, found.stdout.splitlines()), (FOUND, [f"sessions: {line}" for line in lines]))
        mended = wh.warren("up", json=True)
        self.assertEqual(mended, {"mended": [f"sessions: {line}" for line in lines], "failed": []})
        self.assertEqual(links(), self.whole)
        self.assert_whole()

    def test_a_link_is_gone(self):
        self.breaks(f"rm {INDEX}/u/alice", "u/alice does not lead to /run/netns/web1")

    def test_a_group_s_link_is_gone(self):
        self.breaks(f"rm {INDEX}/g/team", "g/team does not lead to /run/netns/web1")

    def test_a_link_leads_elsewhere(self):
        self.breaks(f"ln -sfn /run/netns/web2 {INDEX}/u/alice", "u/alice does not lead to /run/netns/web1")

    def test_a_link_leads_nowhere(self):
        self.breaks(f"ln -sfn {UNREADY} {INDEX}/d/web2", "d/web2 does not lead to /run/netns/web2")

    def test_a_file_in_place_of_a_link(self):
        self.breaks(f"rm {INDEX}/d/web1; touch {INDEX}/d/web1", "d/web1 does not lead to /run/netns/web1")

    def test_a_link_too_much(self):
        self.breaks(f"ln -s /run/netns/web1 {INDEX}/u/bob", "u/bob has no space any more")

    def test_ready_is_gone(self):
        self.breaks(f"rm {INDEX}/ready", "logins do not know yet where to go")

    def test_all_is_gone(self):
        self.breaks(f"umount {INDEX}/host; rm -r {INDEX}", "logins do not know yet where to go")
        self.assertTrue(os.path.samefile(INDEX / "host", "/proc/self/ns/net"))

    def test_the_host_s_namespace_is_gone(self):
        sh(f"umount {INDEX}/host")
        self.assertIn("host", wh.warren("check", check=False).stdout.removeprefix("all is as it should be"))
        wh.warren("up")
        self.assertTrue(os.path.samefile(INDEX / "host", "/proc/self/ns/net"))
        self.assert_whole()

    def test_another_namespace_as_the_host_s(self):
        sh(f"umount {INDEX}/host; mount --bind /run/netns/web1 {INDEX}/host")
        self.assertIn("host", wh.warren("check", check=False).stdout.removeprefix("all is as it should be"))
        wh.warren("up")
        self.assertTrue(os.path.samefile(INDEX / "host", "/proc/self/ns/net"))
        self.assert_whole()

    def test_a_space_that_cannot_be_built_is_nobody_s(self):
        wh.warren("down", "web1")
        os.makedirs("/run/netns/web1/in-the-way")
        try:
            self.assertEqual(wh.warren("up", "web1", check=False).returncode, 1)
            self.assertEqual((links()["u/alice"], links()["d/web2"]), ("unready", "web2"))
            self.assertEqual(wh.warren("up", check=False).returncode, 1)
            self.assertEqual((links()["u/alice"], links()["d/web2"]), ("unready", "web2"))
            self.assertEqual(wh.warren("up", "--member", "alice", check=False).returncode, 1)
        finally:
            wh.run("rm", "-r", "/run/netns/web1")
        wh.warren("up")
        self.assertEqual(links(), self.whole)


class UpQuick(Members):
    """What a unit runs that starts with a thousand others."""

    def up(self, *names):
        report = wh.warren("up", "--quick", *names, json=True)
        self.assertEqual(report["failed"], [])
        return report["mended"]

    def test_what_stands_is_left_alone(self):
        for name in "web1", "web2":
            wh.warren("add", name)
        self.assertEqual(self.up("web1", "web2"), [])
        wh.warren("down", "web2")
        self.up("web1", "web2")
        self.assert_links(d_web1="web1", d_web2="web2")

    def test_what_is_gone_comes_back(self):
        wh.warren("add", "web1")
        for break_it in "ip netns del web1", "ip link del veth_web1_o", "nft flush ruleset":
            with self.subTest(break_it):
                sh(break_it)
                self.up("web1")
                self.assert_whole()
        sh(f"umount {INDEX}/host; rm -r {INDEX}")
        self.up("web1")
        self.assert_links(d_web1="web1")

    def test_refusals(self):
        self.assert_refused(2, "--quick needs the names of spaces", "up", "--quick")
        self.assert_refused(1, "there is no space 'none'", "up", "--quick", "none")


class UpMember(Members):
    """What a login runs when the index cannot tell."""

    def up(self, user, *options):
        answer = wh.warren("up", "--member", user, *options, json=True)
        self.assertEqual(answer["user"], user)
        return answer["space"]

    def test_space_that_is_down(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice")
        wh.warren("down", "web1")
        self.assertEqual(self.up("alice"), "web1")
        self.assert_links(d_web1="web1", u_alice="web1")

    def test_of_a_group(self):
        """His primary group goes before the others, any of them before the space of his own name, he before all."""
        for name in "web1", "web2":
            wh.warren("add", name)
        wh.warren("member", "add", "web1", "@team")
        self.assertEqual((self.up("bob"), self.up("carol")), ("web1", None))
        wh.warren("member", "add", "web2", "@crew")
        self.assertEqual(self.up("carol"), "web2")
        wh.warren("add", "bob")
        self.assertEqual(self.up("bob"), "web1")
        wh.warren("member", "add", "web2", "bob")
        self.assertEqual(self.up("bob"), "web2")
        for member in "bob", "@crew":
            wh.warren("member", "rm", "web2", member)
        wh.warren("member", "rm", "web1", "@team")
        self.assertEqual((self.up("bob"), self.up("carol")), ("bob", None))

    def test_half_built(self):
        """As a crash leaves it: the link leads nowhere yet, whatever else is missing."""
        wh.warren("add", "alice")
        for break_it in ("true", "ip link del veth_alice_o", "ip netns del alice", "ip -n alice route del default",
                         "nft delete table inet warren", f"rm {INDEX}/d/alice {INDEX}/ready"):
            with self.subTest(break_it):
                sh(f"ln -sfn {UNREADY} {INDEX}/d/alice; {break_it}")
                self.assertEqual(self.up("alice"), "alice")
                self.assert_links(d_alice="alice")

    def test_no_index_at_all(self):
        wh.warren("add", "alice")
        sh(f"umount {INDEX}/host; rm -r {INDEX}")
        self.assertEqual(self.up("alice"), "alice")
        self.assert_links(d_alice="alice")

    def test_none(self):
        wh.warren("add", "web1")
        sh(f"rm {INDEX}/ready")
        self.assertIsNone(self.up("alice"))
        self.assertEqual(wh.warren("up", "--member", "alice").stdout, "alice has no space\n")
        self.assert_links(d_web1="web1")
        self.assertTrue((INDEX / "ready").exists(), "or each of her logins asks again")

    def test_none_on_a_host_without_spaces(self):
        hoststate.restore_store({})
        sh(f"umount {INDEX}/host 2>/dev/null; rm -rf {INDEX}")
        self.assertIsNone(self.up("alice"))
        self.assertTrue((INDEX / "ready").exists(), "or each of her logins asks again")

    def test_create(self):
        self.assertEqual(self.up("alice", "--create"), "alice")
        self.assert_links(d_alice="alice")
        number = wh.warren("show", "alice", json=True)["number"]
        self.assertEqual(self.up("alice", "--create"), "alice")
        self.assertEqual(wh.warren("show", "alice", json=True)["number"], number)

    def test_create_for_one_who_has_a_space(self):
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "@team")
        self.assertEqual(self.up("bob", "--create"), "web1")
        self.assertEqual(len(wh.warren("export", json=True)), 1)

    def test_usage(self):
        for args, text in ((("--create",), "--member"), (("--member", "../alice", "--create"), "'../alice'"),
                           (("--member", "1st", "--create"), "cannot name a space")):
            result = wh.warren("up", *args, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn(text, result.stderr)
        self.assertEqual(wh.warren("export", json=True), [])

    def test_fifty_at_once(self):
        processes = [wh.start(wh.WARREN, "up", "--member", "alice", "--create", stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) for _ in range(50)]
        answers = [process.communicate(timeout=wh.patience(60))[0] for process in processes]
        self.assertEqual({process.returncode for process in processes}, {0})
        self.assertEqual(set(answers), {"alice: space alice\n"})
        self.assertEqual([space["name"] for space in wh.warren("ls", json=True)], ["alice"])
        self.assert_links(d_alice="alice")


def drop_to(uid):
    """The process is the user's from now on."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


@contextlib.contextmanager
def cgroup(name):
    """A control group of this name, as systemd makes one for a unit: a function that puts a process there."""
    top = pathlib.Path("/run/cgroup")
    top.mkdir(exist_ok=True)
    wh.run("mount", "-t", "cgroup2", "none", top)
    path = top / name
    try:
        path.mkdir()
        yield lambda pid: (path / "cgroup.procs").write_text(str(pid))
    finally:
        if path.exists():
            wh.wait_until(lambda: not (path / "cgroup.procs").read_text())
            path.rmdir()
        wh.run("umount", top)


class Audit(Members):
    def setUp(self):
        wh.warren("add", "alice")
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "@team")
        wh.warren("member", "add", "alice", "alice")

    def strays(self):
        result = wh.warren("audit", "-o", "json", check=False)
        strays = wh.jsonlib.loads(result.stdout)
        self.assertEqual(result.returncode, FOUND if strays else 0)
        return strays

    def sleeper(self, uid, ns=wh.HOST):
        return wh.killed_after(wh.start("sleep", "100", ns=ns, user=uid, group=uid, extra_groups=[]))

    def test_outside(self):
        with self.sleeper(ALICE) as process:
            self.assertEqual(self.strays(), [{"pid": process.pid, "uid": ALICE, "space": "alice", "place": "the host",
                                              "unit": self.strays()[0]["unit"], "command": "sleep 100"}])
            text = wh.warren("audit", check=False)
            self.assertEqual(text.returncode, FOUND)
            self.assertRegex(text.stdout, rf"(?m)^{process.pid} +{ALICE} +alice +the host +\S+ +sleep 100$")

    def test_inside(self):
        with self.sleeper(ALICE, "alice"), self.sleeper(BOB, "web1"):
            self.assertEqual(self.strays(), [])
            self.assertEqual(wh.warren("audit").stdout, "every process of a member is in his space\n")

    def test_in_another_place(self):
        with self.sleeper(ALICE, "web1") as one, self.sleeper(BOB, wh.OUTSIDE) as other:
            self.assertEqual({stray["pid"]: (stray["space"], stray["place"]) for stray in self.strays()},
                             {one.pid: ("alice", "space web1"), other.pid: ("web1", "another namespace")})

    def test_a_group_s_member(self):
        """alice is one too, but is herself a member of another."""
        with self.sleeper(BOB) as process, self.sleeper(ALICE, "alice"):
            self.assertEqual([(stray["pid"], stray["space"]) for stray in self.strays()], [(process.pid, "web1")])

    def test_a_namesake(self):
        """Of a space where she is no member: a group of hers goes first."""
        wh.warren("member", "rm", "alice", "alice")
        wh.warren("add", "carol")
        with self.sleeper(ALICE, "alice") as alice, self.sleeper(CAROL) as carol:
            self.assertEqual([(stray["pid"], stray["space"]) for stray in self.strays()],
                             [(alice.pid, "web1"), (carol.pid, "carol")])

    def test_space_that_is_down(self):
        wh.warren("down", "alice")
        with self.sleeper(ALICE) as process:
            self.assertEqual([stray["pid"] for stray in self.strays()], [process.pid])

    def test_nobody_s(self):
        """Root and system users, members of the group as they are, and who has no space at all."""
        with self.sleeper(0), self.sleeper(SYSTEM), self.sleeper(CAROL):
            self.assertEqual(self.strays(), [])

    def test_a_server_that_dropped_its_rights(self):
        """No exec follows, so most of its /proc/PID is root's (proc(5), dumpable)."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            drop_to(ALICE)
            os.write(write, b"x")
            signal.pause()
        try:
            os.read(read, 1)
            self.assertEqual([(stray["pid"], stray["uid"]) for stray in self.strays()], [(pid, ALICE)])
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(read)
            os.close(write)

    def test_unit(self):
        try:
            made = cgroup("warren-test.service")
            place = made.__enter__()
        except (AssertionError, OSError) as error:
            self.skipTest(f"no control group can be made here: {error}")
        try:
            with self.sleeper(ALICE) as process:
                place(process.pid)
                self.assertEqual([stray["unit"] for stray in self.strays()], ["warren-test.service"])
        finally:
            made.__exit__(None, None, None)


def as_user(uid, ns, ask):
    """What ask() says in a process of this user, in the namespace."""
    def body():
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                drop_to(uid)
                os._exit(0 if ask() else 1)
            os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = wh.in_ns(ns, body)
    if status not in (0, 1):
        raise AssertionError(f"the process of UID {uid} could not ask")
    return status == 0


def reaches(uid, address, ns=wh.HOST, proto="tcp", timeout=None):
    """Is a server reached by a process of this user?"""
    return as_user(uid, ns, lambda: wh.connect(wh.HOST, address, 5000, proto, timeout) is not None)


class Confinement(Members):
    """With the key, a member's UID sends nothing from the host's own namespace."""

    PLACES = ((wh.WORLD4, "tcp"), (wh.WORLD4, "udp"), (wh.WORLD6, "tcp"), ("127.0.0.1", "tcp"), ("::1", "tcp"),
              ("127.0.0.1", "udp"))

    def setUp(self):
        self.servers = [wh.serve(ns, 5000, proto) for ns in (wh.OUTSIDE, wh.HOST) for proto in ("tcp", "udp")]
        wh.warren("add", "alice")
        wh.warren("add", "web1")

    def tearDown(self):
        for server in self.servers:
            server.stop()
        super().tearDown()

    def confine(self, text=CONFIG_CONFINE):
        os.makedirs(os.path.dirname(wh.CONFIG), exist_ok=True)
        pathlib.Path(wh.CONFIG).write_text(text)
        wh.warren("up")
        self.assert_whole()

    def assert_confined(self, *uids, places=PLACES):
        for uid in uids:
            for address, proto in places:
                self.assertFalse(reaches(uid, address, proto=proto, timeout=wh.SILENCE), (uid, address, proto))

    def assert_free(self, *uids, places=PLACES):
        for uid in uids:
            for address, proto in places:
                self.assertTrue(reaches(uid, address, proto=proto), (uid, address, proto))

    def confined(self):
        listed = wh.jsonlib.loads(wh.run("nft", "-j", "list", "set", "inet", "warren", "confined").stdout)
        return listed["nftables"][1]["set"].get("elem", [])

    def test_on_and_off(self):
        self.assert_free(ALICE)
        self.confine()
        self.assert_confined(ALICE)
        self.assert_free(0, BOB, SYSTEM)
        for place in ((wh.WORLD4, "tcp"), (wh.WORLD4, "udp"), (wh.WORLD6, "tcp")):
            self.assertTrue(reaches(ALICE, place[0], "alice", place[1]), place)
        self.confine("")
        self.assert_free(ALICE)
        self.assertEqual(self.confined(), [])

    def test_min_uid_says_who_is_confined(self):
        self.confine(f"[sessions]\nconfine = true\nmin_uid = {ALICE + 1}\n")
        self.assertEqual(os.readlink("/run/warren/sessions/min_uid"), str(ALICE + 1))
        self.assert_free(ALICE)
        self.assertEqual(self.confined(), [])
        self.confine(f"[sessions]\nconfine = true\nmin_uid = {ALICE}\n")
        self.assertEqual(os.readlink("/run/warren/sessions/min_uid"), str(ALICE))
        self.assert_confined(ALICE)

    def test_min_uid_is_published_for_logins(self):
        self.assertEqual(os.readlink("/run/warren/sessions/min_uid"), "1000")
        os.makedirs(os.path.dirname(wh.CONFIG), exist_ok=True)
        pathlib.Path(wh.CONFIG).write_text("[sessions]\nmin_uid = 500\n")
        self.assertIn("sessions: /run/warren/sessions/min_uid does not say 500", wh.warren("check", check=False).stdout)
        self.assertIn("sessions: /run/warren/sessions/min_uid does not say 500", wh.warren("up").stdout)
        self.assertEqual(os.readlink("/run/warren/sessions/min_uid"), "500")
        self.assert_whole()

    def test_established_before(self):
        """What a member had open before does not go on either."""
        os.seteuid(ALICE)
        try:
            line = wh.connection(wh.HOST, wh.WORLD4, 5000)
        finally:
            os.seteuid(0)
        with line:
            wh.read_reply(line)
            self.assertTrue(wh.echoes(line))
            self.confine()
            line.settimeout(wh.SILENCE)
            self.assertFalse(wh.echoes(line))

    def test_members_come_and_go(self):
        self.confine()
        self.assertEqual(self.confined(), [ALICE])
        wh.warren("member", "add", "web1", "bob")
        self.assert_confined(BOB, places=[(wh.WORLD4, "tcp")])
        wh.warren("member", "rm", "web1", "bob")
        self.assert_free(BOB, places=[(wh.WORLD4, "tcp")])
        wh.warren("rm", "alice")
        self.assertEqual(self.confined(), [])
        wh.warren("add", "alice")
        self.assertEqual(self.confined(), [ALICE])
        self.assert_whole()

    def test_groups(self):
        """The primary group counts as any other; system users and root stay free."""
        self.confine()
        wh.warren("member", "add", "web1", "@team", "@crew")
        self.assertEqual(sorted(self.confined()), [ALICE, BOB, CAROL])
        self.assert_free(0, SYSTEM, places=[(wh.WORLD4, "tcp")])
        self.assert_whole()

    def test_a_new_one_in_a_group(self):
        self.confine()
        wh.warren("member", "add", "web1", "@crew")
        kept = pathlib.Path("/etc/group").read_text()
        self.addCleanup(pathlib.Path("/etc/group").write_text, kept)
        pathlib.Path("/etc/passwd").write_text(pathlib.Path("/etc/passwd").read_text() + "dave:x:2004:2004::/:/bin/sh\n")
        pathlib.Path("/etc/group").write_text(kept.replace("crew:x:3001:bob", "crew:x:3001:bob,dave"))
        self.assertIn("nft: missing: confinement of UID 2004", wh.warren("check", check=False).stdout)
        wh.warren("up")
        self.assertIn(2004, self.confined())

    def test_two_reasons(self):
        """Who is a member twice over stays confined when one of the reasons goes."""
        self.confine()
        wh.warren("member", "add", "web1", "@team")
        self.assertEqual(self.confined(), [ALICE, BOB])
        for command in ("member", "rm", "web1", "@team"), ("rm", "web1"):
            wh.warren(*command)
            self.assertEqual(self.confined(), [ALICE], command)
            self.assert_whole()
        wh.warren("add", "web1")
        wh.warren("member", "add", "web1", "alice")
        wh.warren("member", "rm", "web1", "alice")
        self.assertEqual(self.confined(), [ALICE], "she belongs to the space of her name again")
        self.assert_whole()

    def test_a_failed_add_confines_nobody(self):
        self.confine()
        sh("ip link add veth_bob_o type veth peer name bob_o_htev")
        self.addCleanup(wh.run, "ip", "link", "del", "veth_bob_o", check=False)
        wh.warren("add", "bob", check=False)
        self.assertEqual([space["name"] for space in wh.warren("export", json=True)], ["alice", "web1"])
        self.assertEqual(self.confined(), [ALICE])

    def test_space_that_is_down(self):
        self.confine()
        wh.warren("down", "alice")
        self.assert_confined(ALICE, places=[(wh.WORLD4, "tcp")])

    def test_none_is_up_any_more(self):
        """Who is confined stays so as long as he is a member: that his space is down frees nobody."""
        self.confine()
        wh.warren("down", "--all")
        self.assert_confined(ALICE, places=[(wh.WORLD4, "tcp")])
        self.assert_whole()
        sh("nft delete table inet warren")
        self.assertIn("nft: table inet warren is not there", wh.warren("check", check=False).stdout)
        wh.warren("up")
        self.assert_confined(ALICE, places=[(wh.WORLD4, "tcp")])
        self.assert_whole()
        wh.warren("up", "web1")
        self.assert_confined(ALICE, places=[(wh.WORLD4, "tcp")])
        self.assert_whole()

    def test_check_and_up(self):
        self.confine()
        for command, line in (("nft flush set inet warren confined", "nft: missing: confinement of UID 2001"),
                              ("nft add element inet warren confined '{ 2002 }'",
                               "nft: too much: confinement of UID 2002"),
                              ("nft flush chain inet warren confine", "nft: the rules of table inet warren")):
            sh(command)
            self.assertIn(line, wh.warren("check", check=False).stdout)
            wh.warren("up")
            self.assert_whole()
            self.assertEqual(self.confined(), [ALICE])
        self.assert_confined(ALICE, places=[(wh.WORLD4, "tcp")])


if __name__ == "__main__":
    wh.main()
