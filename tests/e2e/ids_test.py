# SPDX-License-Identifier: GPL-2.0-or-later
"""ID blocks: nobody else's, kept from others by a section of /etc/subuid, and not given again before they are purged."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import stat
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from userns import in_user_namespace  # noqa: E402

SIZE = 524288
FIRST = 1048576
SUBUID, SUBGID = pathlib.Path("/etc/subuid"), pathlib.Path("/etc/subgid")
FILES = SUBUID, SUBGID, pathlib.Path("/etc/passwd"), pathlib.Path("/etc/group")
BEGIN, END = "# BEGIN warren (written by `warren id`; changes are lost)\n", "# END warren\n"


def text_of(first, size=SIZE):
    return f"{first:,}-{first + size - 1:,}"


class Ids(wh.HostTest):
    """The files are as they were again after each test, and so is the store."""

    def setUp(self):
        self.before = {path: path.read_text() if path.exists() else None for path in FILES}
        for path in SUBUID, SUBGID:
            path.write_text("")

    def tearDown(self):
        for path, text in self.before.items():
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        super().tearDown()
        shutil.rmtree("/var/lib/warren", ignore_errors=True)

    def blocks(self):
        """{owner: (first, state)}."""
        return {block["owner"]: (block["first"], block["state"]) for block in wh.warren("id", "ls", json=True)}

    def assert_refused(self, code, text, *command):
        blocks, files = self.blocks(), [path.read_bytes() for path in FILES if path.is_file()]
        result = wh.warren(*command, check=False)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual(self.blocks(), blocks)
        self.assertEqual([path.read_bytes() for path in FILES if path.is_file()], files)


class Allocation(Ids):
    def test_the_lowest_first(self):
        for place, owner in enumerate(("alice", "bob", "web1")):
            block = wh.warren("id", "allocate", owner, json=True)
            self.assertEqual((block["first"], block["count"]), (FIRST + place * SIZE, SIZE))
        self.assertEqual(wh.warren("id", "show", "bob", json=True)["last"], FIRST + 2 * SIZE - 1)
        self.assert_refused(1, f"alice has the block {text_of(FIRST)} already", "id", "allocate", "alice")

    def test_configured(self):
        wh.configure()
        pathlib.Path(wh.CONFIG).write_text("[ids]\nfirst = 200000\nsize = 100000\ncount = 2\n")
        firsts = [wh.warren("id", "allocate", owner, json=True)["first"] for owner in "ab"]
        self.assertEqual(firsts, [200000, 300000])
        self.assert_refused(1, "all 2 blocks of 100,000 IDs from 200,000 on are taken, the last by b's block",
                            "id", "allocate", "c")

    def test_bad_settings(self):
        wh.configure()
        for text, says in (("first = 1000", "among the host's own users"), ("size = 65535", "at least 0-65535"),
                           ("count = 9000", "there is room for 8189"), ("first = 0", "first"), ("nope = 1", "known are"),
                           ("first = 4294967290", "do not end by 4294967294: there is room for 0")):
            with self.subTest(text):
                pathlib.Path(wh.CONFIG).write_text(f"[ids]\n{text}\n")
                result = wh.warren("id", "allocate", "x", check=False)
                self.assertEqual(result.returncode, 2)
                self.assertIn("warren.toml:", result.stderr)
                self.assertIn(says, result.stderr)

    def test_owners(self):
        wh.warren("add", "warren.freed")
        for bad in "", "1000", "warren.freed", "a b", "../x", "a:b", "-x", "a\nb":
            with self.subTest(bad):
                self.assert_refused(2, "cannot own IDs", "id", "allocate", "--", bad)

    def test_one_each_however_many_ask_at_once(self):
        wh.warren("id", "export", "--subuid")
        threads = [threading.Thread(target=wh.warren, args=("id", "allocate", f"user{i}")) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        firsts = sorted(first for first, _ in self.blocks().values())
        self.assertEqual(firsts, [FIRST + i * SIZE for i in range(20)])
        self.assertEqual(len(SUBUID.read_text().splitlines()), 20 + 2)


class Others(Ids):
    """Blocks of which somebody else uses an ID: passed over, and refused by name."""

    def check(self, *says):
        self.assert_refused(1, f"{text_of(FIRST)} overlaps", "id", "allocate", "web1", "--first", FIRST)
        for text in says:
            self.assert_refused(1, text, "id", "allocate", "web1", "--first", FIRST)
        self.assertEqual(wh.warren("id", "allocate", "web1", json=True)["first"], FIRST + SIZE)

    def test_subuid(self):
        SUBUID.write_text("alice:1100000:65536\n")
        self.check("1,100,000-1,165,535: alice in /etc/subuid")

    def test_subgid_alone(self):
        SUBGID.write_text(f"bob:{FIRST - 1}:2\n")
        self.check("bob in /etc/subgid")

    def test_touching_is_not_overlapping(self):
        SUBUID.write_text(f"alice:{FIRST - 65536}:65536\nbob:{FIRST + SIZE}:65536\n")
        self.assertEqual(wh.warren("id", "allocate", "web1", json=True)["first"], FIRST)
        self.assertEqual(wh.warren("id", "allocate", "web2", json=True)["first"], FIRST + 2 * SIZE)

    def test_user(self):
        with open("/etc/passwd", "a") as file:
            file.write(f"directory:x:{FIRST + SIZE - 1}:100::/:/bin/sh\n")
        self.check("1,572,863: the user directory")

    def test_group(self):
        with open("/etc/group", "a") as file:
            file.write(f"many:x:{FIRST}:\n")
        self.check("1,048,576: the group many")

    def test_machine_of_nspawn(self):
        os.makedirs("/var/lib/machines/guest")
        self.addCleanup(shutil.rmtree, "/var/lib/machines")
        os.chown("/var/lib/machines/guest", FIRST + 65536, FIRST + 65536)
        self.check("systemd-nspawn for /var/lib/machines/guest")

    def test_user_namespace_that_lives(self):
        with in_user_namespace([(0, FIRST + 5, 1)], [(0, 77, 1)]) as guest:
            self.check(f"1,048,581: the user namespace of PID {guest.pid}")

    def test_user_namespace_that_shows_all_as_it_is(self):
        for runs in [(0, 0, 4294967295)], [(0, 0, 1), (1, 1, 4294967294)]:
            with self.subTest(runs), in_user_namespace(runs, runs):
                self.assertEqual(wh.warren("id", "allocate", "web1", json=True)["first"], FIRST)
                wh.warren("id", "free", "web1")
                wh.warren("id", "purge", "web1")

    def test_user_namespace_that_shows_some_as_they_are(self):
        runs = [(0, 0, 65536), (2097152, 2097152, 65536)]
        with in_user_namespace(runs, runs) as guest:
            self.assert_refused(1, f"the user namespace of PID {guest.pid}", "id", "allocate", "web1", "--first", 2097152)
            self.assertEqual(wh.warren("id", "allocate", "web1", json=True)["first"], FIRST)

    def test_systemd_s_own(self):
        self.assert_refused(1, "systemd's foreign IDs", "id", "allocate", "web1", "--first", 2147352576 - SIZE + 1)
        self.assert_refused(1, "the host's own users", "id", "allocate", "web1", "--first", 65535)
        self.assert_refused(2, "reach beyond 4,294,967,294", "id", "allocate", "web1", "--first", 4294967294)
        self.assert_refused(2, "'4294967295' is not an ID", "id", "allocate", "web1", "--first", 4294967295)

    def test_those_who_come_later_are_shown(self):
        wh.warren("id", "allocate", "web1")
        SUBUID.write_text("late:1200000:10\n")
        self.assertEqual(wh.warren("id", "show", "web1", json=True)["also_used_by"],
                         ["late in /etc/subuid (1,200,000-1,200,009)"])
        self.assertIn("late in /etc/subuid", wh.warren("id", "ls").stdout)


class Quarantine(Ids):
    def test_not_given_again_before_the_purge(self):
        wh.warren("id", "allocate", "alice")
        self.assertIn("is in quarantine until `warren id purge alice`", wh.warren("id", "free", "alice").stdout)
        self.assert_refused(1, "the block that alice had", "id", "allocate", "bob", "--first", FIRST)
        self.assertEqual(wh.warren("id", "allocate", "alice", json=True)["first"], FIRST + SIZE)
        self.assertEqual([block["state"] for block in wh.warren("id", "ls", json=True)], ["quarantined", "allocated"])
        wh.warren("id", "purge", "alice")
        self.assertEqual(self.blocks(), {"alice": (FIRST + SIZE, "allocated")})
        self.assertEqual(wh.warren("id", "allocate", "bob", json=True)["first"], FIRST)

    def test_purge_of_all(self):
        for owner in "alice", "bob", "carol":
            wh.warren("id", "allocate", owner)
        for owner in "alice", "bob":
            wh.warren("id", "free", owner)
        self.assert_refused(2, "name owners, or give --all", "id", "purge")
        self.assert_refused(1, "no block of carol is in quarantine", "id", "purge", "alice", "carol")
        self.assertEqual(len(wh.warren("id", "purge", "--all", json=True)), 2)
        self.assertEqual(self.blocks(), {"carol": (FIRST + 2 * SIZE, "allocated")})

    def test_what_is_in_use_is_kept(self):
        wh.warren("id", "allocate", "alice")
        with in_user_namespace([(0, FIRST + 100, 1)], [(0, 77, 1)]) as guest:
            self.assert_refused(1, f"is in use by the user namespace of PID {guest.pid}", "id", "free", "alice")
        wh.warren("map", "add", "m", "--owner", "alice", "--both", "0:0:65536")
        self.assert_refused(1, "alice has maps (m): `warren map rm` them first", "id", "free", "alice")
        wh.warren("map", "rm", "m")
        wh.warren("add", "web1")
        wh.warren("map", "assign", "web1", "--owner", "alice")
        self.assert_refused(1, "is that of space web1", "id", "free", "alice")
        wh.warren("map", "assign", "web1", "default")
        wh.warren("id", "free", "alice")
        with in_user_namespace([(0, 77, 1)], [(0, FIRST + 100, 1)]):
            self.assert_refused(1, "is in use by", "id", "purge", "alice")
        wh.warren("id", "purge", "alice")

    def test_ids_of_a_standing_network_are_kept(self):
        """It stays in its user namespace until it is made anew, whatever the space was assigned since."""
        wh.warren("id", "allocate", "alice")
        wh.warren("add", "web1")
        wh.warren("map", "assign", "web1", "--owner", "alice")
        wh.warren("down", "web1")
        wh.warren("up", "web1")
        wh.warren("map", "assign", "web1", "default")
        self.assert_refused(1, "is in use by the network of space web1", "id", "free", "alice")
        wh.warren("down", "web1")
        wh.warren("id", "free", "alice")
        wh.warren("up", "web1")

    def test_space_of_the_owner_s_name(self):
        wh.warren("add", "web1")
        wh.warren("id", "allocate", "web1")
        self.assert_refused(1, "the default map of web1 is that of space web1", "id", "free", "web1")
        wh.warren("rm", "web1")
        wh.warren("id", "free", "web1")

    def test_unknown(self):
        for command in ("show", "free"):
            self.assert_refused(1, "nobody has no ID block: `warren id allocate nobody`", "id", command, "nobody")


class Export(Ids):
    def written(self, *lines):
        return BEGIN + "".join(line + "\n" for line in lines) + END

    def test_section(self):
        SUBUID.write_text("# by hand\nalice:100000:65536\nnot understood")
        SUBUID.chmod(0o640)
        os.chown(SUBUID, 0, 42)
        SUBGID.unlink()
        wh.warren("id", "allocate", "web1")
        self.assertEqual(wh.warren("id", "export").stdout, f"web1:{FIRST}:{SIZE}\n")
        self.assertEqual(wh.warren("id", "export", "--subuid", json=True), {"changed": [str(SUBUID), str(SUBGID)]})
        section = self.written(f"web1:{FIRST}:{SIZE}")
        self.assertEqual(SUBUID.read_text(), "# by hand\nalice:100000:65536\nnot understood\n" + section)
        self.assertEqual(SUBGID.read_text(), section)
        looks = [(stat.S_IMODE(status.st_mode), status.st_gid) for status in map(os.stat, (SUBUID, SUBGID))]
        self.assertEqual(looks, [(0o640, 42), (0o644, 0)])
        self.assertEqual(wh.warren("id", "export", "--subuid", json=True), {"changed": []})
        self.assertEqual([name for name in os.listdir("/etc") if name.startswith("sub")].sort(), ["subgid", "subuid"].sort())
        wh.warren("id", "export", "--subuid", "--remove")
        self.assertEqual(SUBUID.read_text(), "# by hand\nalice:100000:65536\nnot understood\n")

    def test_it_follows(self):
        wh.warren("id", "export", "--subuid")
        self.assertEqual(SUBUID.read_text(), self.written())
        SUBUID.write_text("first:1:1\n" + SUBUID.read_text() + "last:2:2\n")
        wh.warren("id", "allocate", "web1")
        wh.warren("id", "allocate", "web2")
        wh.warren("id", "free", "web1")
        section = self.written(f"warren.freed:{FIRST}:{SIZE}", f"web2:{FIRST + SIZE}:{SIZE}")
        self.assertEqual((SUBUID.read_text(), SUBGID.read_text()), ("first:1:1\n" + section + "last:2:2\n", section))
        wh.warren("id", "purge", "--all")
        self.assertEqual(SUBGID.read_text(), self.written(f"web2:{FIRST + SIZE}:{SIZE}"))

    def test_up_mends(self):
        wh.warren("id", "allocate", "web1")
        wh.warren("id", "export", "--subuid")
        SUBGID.write_text(BEGIN + END)
        fault = "/etc/subgid: the section of warren is not what the ID blocks are\n"
        self.assertEqual(wh.warren("check", check=False).stdout, fault)
        self.assertEqual(wh.warren("up").stdout, "mended: " + fault)
        self.assertEqual(SUBGID.read_text(), self.written(f"web1:{FIRST}:{SIZE}"))

    def test_lines_that_others_moved(self):
        """useradd sorts the file, comments too: others' lines stand between our marks, and ours do not."""
        wh.warren("id", "allocate", "web1")
        wh.warren("id", "export", "--subuid")
        SUBUID.write_text(f"web1:{FIRST}:{SIZE}\n{END}a:1:1\n{BEGIN}b:2:2\n")
        self.assertEqual(wh.warren("check").stdout, "all is as it should be\n")
        self.assertEqual(wh.warren("id", "show", "web1", json=True)["also_used_by"], [])
        wh.warren("id", "free", "web1")
        self.assertEqual(SUBUID.read_text(), self.written(f"warren.freed:{FIRST}:{SIZE}") + "a:1:1\nb:2:2\n")
        wh.warren("id", "purge", "web1")
        wh.warren("id", "export", "--subuid", "--remove")
        self.assertEqual(SUBUID.read_text(), "a:1:1\nb:2:2\n")

    def test_links_are_refused(self):
        target = pathlib.Path("/run/elsewhere")
        target.write_text("alice:1:1\n")
        SUBGID.unlink()
        SUBGID.symlink_to(target)
        self.addCleanup(target.unlink)
        result = wh.warren("id", "export", "--subuid", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("/etc/subgid is a symbolic link", result.stderr)
        self.assertEqual((target.read_text(), SUBUID.read_text()), ("alice:1:1\n", ""))

    def test_a_trap_in_place_of_the_new_file(self):
        victim = pathlib.Path("/run/victim")
        victim.write_text("precious")
        self.addCleanup(victim.unlink)
        os.symlink(victim, "/etc/subuid.warren")
        wh.warren("id", "export", "--subuid")
        self.assertEqual((victim.read_text(), SUBUID.is_symlink()), ("precious", False))

    def test_lock_of_shadow(self):
        lock = pathlib.Path("/etc/subuid.lock")
        lock.write_text(f"{os.getpid()}\0")
        self.addCleanup(lock.unlink, missing_ok=True)
        timer = threading.Timer(0.5, lock.unlink)
        begun = time.monotonic()
        timer.start()
        wh.warren("id", "export", "--subuid")
        self.assertGreater(time.monotonic() - begun, 0.4)
        lock.write_text("999999\0")  # of one that lives no more
        wh.warren("id", "allocate", "web1")
        self.assertIn("web1", SUBUID.read_text())
        self.assertFalse(lock.exists())
        lock.write_text("999999\0")
        wh.warren("up")
        self.assertFalse(lock.exists())

    def test_files_that_stay_locked(self):
        """The store counts: the file follows with the next `up`."""
        wh.warren("id", "export", "--subuid")
        lock = pathlib.Path("/etc/subuid.lock")
        lock.write_text(f"{os.getpid()}\0")
        self.addCleanup(lock.unlink, missing_ok=True)
        allocated = wh.warren("id", "allocate", "web1")
        self.assertIn(f"/etc/subuid is being changed by PID {os.getpid()}", allocated.stderr)
        self.assertEqual((SUBUID.read_text(), SUBGID.read_text()), (self.written(), self.written()))
        self.assertEqual(self.blocks(), {"web1": (FIRST, "allocated")})
        lock.unlink()
        self.assertEqual(wh.warren("up").stdout.count("mended"), 2)
        self.assertEqual(SUBUID.read_text(), self.written(f"web1:{FIRST}:{SIZE}"))

    def test_lock_of_lckpwdf(self):
        with open("/etc/.pwd.lock", "w") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            timer = threading.Timer(0.5, lambda: fcntl.lockf(held, fcntl.LOCK_UN))
            begun = time.monotonic()
            timer.start()
            wh.warren("id", "export", "--subuid")
            self.assertGreater(time.monotonic() - begun, 0.4)

    @contextlib.contextmanager
    def user(self, name):
        with open("/etc/passwd", "a") as file:
            file.write(f"{name}:x:2001:2001::/:/bin/sh\n")
        with open("/etc/group", "a") as file:
            file.write(f"{name}:x:2001:\n")
        yield

    def test_newuidmap_takes_it(self):
        if not shutil.which("newuidmap"):
            self.skipTest("the package uidmap is not installed")
        wh.warren("id", "allocate", "tenant")
        wh.warren("id", "export", "--subuid")
        tenant = {"user": "tenant", "group": "tenant", "extra_groups": []}
        with self.user("tenant"), wh.killed_after(wh.start("unshare", "-U", "sleep", "60", **tenant)) as guest:
            self.assertTrue(wh.wait_until(lambda: os.readlink(f"/proc/{guest.pid}/ns/user") != os.readlink("/proc/self/ns/user")))
            other = wh.run("newuidmap", guest.pid, 0, FIRST + SIZE, 65536, **tenant, check=False)
            self.assertNotEqual(other.returncode, 0)
            wh.run("newuidmap", guest.pid, 0, FIRST, SIZE, **tenant)
            wh.run("newgidmap", guest.pid, 0, FIRST, SIZE, **tenant)
            self.assertEqual(pathlib.Path(f"/proc/{guest.pid}/uid_map").read_text().split(), ["0", str(FIRST), str(SIZE)])

    def test_useradd_keeps_away(self):
        if not shutil.which("useradd"):
            self.skipTest("useradd is not installed")
        pathlib.Path(wh.CONFIG).parent.mkdir(exist_ok=True)
        pathlib.Path(wh.CONFIG).write_text("[ids]\nfirst = 100000\nsize = 65536\n")  # where useradd begins
        wh.warren("id", "allocate", "web1")
        wh.warren("id", "export", "--subuid")
        saved = {name: pathlib.Path(name).read_bytes() for name in ("/etc/shadow", "/etc/gshadow")}
        self.addCleanup(lambda: [pathlib.Path(name).write_bytes(data) for name, data in saved.items()])
        wh.run("useradd", "-M", "newcomer")
        self.assertIn("newcomer:165536:65536\n", SUBUID.read_text())  # in an order of its own, our marks too
        wh.warren("id", "allocate", "web2")
        self.assertEqual(SUBUID.read_text(), self.written("web1:100000:65536", "web2:231072:65536") + "newcomer:165536:65536\n")
        self.assert_refused(1, "165,536-231,071 overlaps 165,536-231,071: newcomer in /etc/subuid",
                            "id", "allocate", "x", "--first", 165536)


if __name__ == "__main__":
    wh.main()
