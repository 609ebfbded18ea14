# SPDX-License-Identifier: GPL-2.0-or-later
"""ID maps: their rules, each with its message; what they say is what the kernel does; in use they stay."""

import contextlib
import os
import pathlib
import stat
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import warrenhost as wh  # noqa: E402
from ids_test import FIRST, SIZE, Ids  # noqa: E402
from userns import in_user_namespace, mount_mapped, write_map  # noqa: E402

NOBODY = 65534
BIG = "0:0:65536", "5000000:100000:200000"
USERS = "0:0:65536"


def both(*entries):
    return [word for entry in entries for word in ("--both", entry)]


# Options of `map add`, and the whole of the message.
BAD = [
    # Entries that are none.
    (both(""), "entry '' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536"),
    (both("0:0"), "entry '0:0' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536"),
    (both("0:0:65536:1"), "entry '0:0:65536:1' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536"),
    (both("0-65535"), "entry '0-65535' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536"),
    (both("a:0:65536"), "entry 'a:0:65536': INSIDE 'a' is not a number: write it like 0:0:65536"),
    (both("0:b:65536"), "entry '0:b:65536': BLOCK 'b' is not a number: write it like 0:0:65536"),
    (both("0:0:"), "entry '0:0:': COUNT '' is not a number: write it like 0:0:65536"),
    (both("0:-1:65536"), "entry '0:-1:65536': BLOCK '-1' is not a number: write it like 0:0:65536"),
    (both("+0:0:65536"), "entry '+0:0:65536': INSIDE '+0' is not a number: write it like 0:0:65536"),
    (both("0:0: 65536"), "entry '0:0: 65536': COUNT ' 65536' is not a number: write it like 0:0:65536"),
    (both("0:0:64K"), "entry '0:0:64K': COUNT '64K' is not a number: write it like 0:0:65536"),
    (both("0:0x0:65536"), "entry '0:0x0:65536': BLOCK '0x0' is not a number: write it like 0:0:65536"),
    (both("0:0:1\n0:0:1"), r"entry '0:0:1\x0a0:0:1' is not INSIDE:BLOCK:COUNT: write it like 0:0:65536"),
    (both("0:0:0"), "entry '0:0:0' has no IDs: COUNT is at least 1"),
    # 32 bits.
    (both("0:0:4294967296"), "entry '0:0:4294967296': COUNT 4294967296 is beyond 4294967294, the last ID of 32 bits"),
    (both("99999999999999999999:0:1"),
     "entry '99999999999999999999:0:1': INSIDE 99999999999999999999 is beyond 4294967294, the last ID of 32 bits"),
    (both(USERS, "4294967295:65536:1"),
     "entry '4294967295:65536:1': INSIDE 4294967295 + 1 reaches beyond 4294967294, the last ID of 32 bits"),
    (both(USERS, "4294967294:65536:2"),
     "entry '4294967294:65536:2': INSIDE 4294967294 + 2 reaches beyond 4294967294, the last ID of 32 bits"),
    (both("0:4294967290:65536"),
     "entry '0:4294967290:65536': BLOCK 4294967290 + 65536 reaches beyond 4294967294, the last ID of 32 bits"),
    # Within the block.
    (both("0:0:524289"), "--uid 0:0:524289 reaches to 524288 of the block, which has 524288 IDs, 0-524287"),
    (both("0:458753:65536"), "--uid 0:458753:65536 reaches to 524288 of the block, which has 524288 IDs, 0-524287"),
    (both(USERS, "100000:1048576:1"),
     "--uid 100000:1048576:1 reaches to 1048576 of the block, which has 524288 IDs, 0-524287"),
    # 0-65535 inside.
    (both("0:0:65535"), "0-65535 inside must be mapped, and 65535-65535 (after --uid 0:0:65535) is not: "
     "add an entry --uid 65535:BLOCK:1"),
    (both("1:1:65535"), "0-65535 inside must be mapped, and 0-0 is not: add an entry --uid 0:BLOCK:1"),
    (both("100000:0:65536"), "0-65535 inside must be mapped, and 0-65535 is not: add an entry --uid 0:BLOCK:65536"),
    (both("0:0:1000", "2000:2000:65536"), "0-65535 inside must be mapped, and 1000-1999 (after --uid 0:0:1000) "
     "is not: add an entry --uid 1000:BLOCK:1000"),
    (["--uid", USERS, "--gid", "0:0:100"], "0-65535 inside must be mapped, and 100-65535 (after --gid 0:0:100) is not: "
     "add an entry --gid 100:BLOCK:65436"),
    # Overlaps.
    (both(USERS, USERS), "--uid 0:0:65536 stands twice: leave one out"),
    (both(USERS, "65535:65536:10"), "--uid 0:0:65536 and --uid 65535:65536:10 both have inside ID 65535"),
    (both(USERS, "1000:100000:100"), "--uid 0:0:65536 and --uid 1000:100000:100 both have inside ID 1000-1099"),
    (both(USERS, "100000:65535:10"), "--uid 0:0:65536 and --uid 100000:65535:10 both have the block's ID 65535"),
    (both(USERS, "100000:10:10"), "--uid 0:0:65536 and --uid 100000:10:10 both have the block's ID 10-19"),
    (["--uid", USERS, "--gid", USERS, "--gid", "65000:70000:1000"],
     "--gid 0:0:65536 and --gid 65000:70000:1000 both have inside ID 65000-65535"),
    # How many.
    (both(USERS, *(f"{100000 + i}:{100000 + i}:1" for i in range(10))),
     "11 --uid entries: at most 10 are possible; the first too many is 100009:100009:1"),
    (["--uid", USERS, *(word for i in range(11) for word in ("--gid", f"{i * 6000}:{i * 6000}:6000"))],
     "11 --gid entries: at most 10 are possible; the first too many is 60000:60000:6000"),
    (["--uid", USERS], "no --gid entry: give one, such as --gid 0:0:65536, or --both"),
    (["--gid", USERS], "no --uid entry: give one, such as --uid 0:0:65536, or --both"),
    ([], "no --uid entry: give one, such as --uid 0:0:65536, or --both"),
]
BAD_NAMES = [
    ("default", "'default' is the map that every owner has already: choose another name"),
    ("", "'' cannot name a map"), ("../x", "'../x' cannot name a map"), ("a b", "'a b' cannot name a map"),
    (".x", "'.x' cannot name a map"), ("x" * 41, "cannot name a map"), ("a\nb", r"'a\x0ab' cannot name a map"),
]


class Maps(Ids):
    def setUp(self):
        super().setUp()
        wh.warren("id", "allocate", "alice")

    def add(self, name, *entries, owner="alice"):
        return wh.warren("map", "add", name, "--owner", owner, *both(*entries), json=True)

    def names(self):
        return [entry["name"] for entry in wh.warren("map", "ls", json=True)]

    def runs(self, name, kind):
        """What the kernel is told."""
        return [(entry["inside"], entry["host"], entry["count"])
                for entry in wh.warren("map", "show", name, "--owner", "alice", json=True)[kind]]


class Rules(Maps):
    def test_bad_maps(self):
        self.assertGreaterEqual(len(BAD), 25)
        for options, says in BAD:
            with self.subTest(options):
                result = wh.warren("map", "add", "bad", "--owner", "alice", *options, check=False)
                self.assertEqual((result.returncode, result.stdout, result.stderr), (2, "", f"warren: map add bad: {says}\n"))
        self.assertEqual(self.names(), ["default"])

    def test_bad_names(self):
        for name, says in BAD_NAMES:
            with self.subTest(name):
                self.assert_refused(2, says, "map", "add", "--owner", "alice", *both(USERS), "--", name)

    def test_owner_without_a_block(self):
        self.assert_refused(1, "bob has no ID block: `warren id allocate bob` gives him one",
                            "map", "add", "m", "--owner", "bob", *both(USERS))
        self.assert_refused(1, "bob has no ID block", "map", "split", "bob")
        self.assert_refused(1, "bob has no ID block", "map", "show", "--owner", "bob")

    def test_what_is_taken_the_kernel_takes(self):
        good = [(USERS,), ("0:458752:65536",), BIG, ("4294967294:0:1", "0:1:65536"), (f"0:0:{SIZE}",),
                ("60000:100000:5536", "0:0:60000"), (USERS, *(f"{100000 + i}:{100000 + i}:1" for i in range(9)))]
        for number, entries in enumerate(good):
            with self.subTest(entries):
                name = f"m{number}"
                self.add(name, *entries)
                with in_user_namespace(self.runs(name, "uid"), self.runs(name, "gid")) as guest:
                    lines = pathlib.Path(f"/proc/{guest.pid}/uid_map").read_text().splitlines()
                    self.assertEqual(sorted(tuple(map(int, line.split())) for line in lines), self.runs(name, "uid"))

    def test_kinds_apart(self):
        wh.warren("map", "add", "apart", "--owner", "alice", "--uid", USERS, "--gid", "0:65536:65536")
        self.assertEqual(self.runs("apart", "uid"), [(0, FIRST, 65536)])
        self.assertEqual(self.runs("apart", "gid"), [(0, FIRST + 65536, 65536)])
        self.assertIn("gid: 65,536 IDs in all", wh.warren("map", "show", "apart").stdout)


class Example(Maps):
    """0:0:65536 and 5000000:100000:200000."""

    def setUp(self):
        super().setUp()
        self.add("big", *BIG)

    def test_shown(self):
        self.assertEqual(wh.warren("map", "show", "big").stdout, """\
map big of alice, block 1,048,576-1,572,863
KIND     INSIDE               HOST                 IDS      ENTRY
uid,gid  0-65,535             1,048,576-1,114,111  65,536   0:0:65536
uid,gid  5,000,000-5,199,999  1,148,576-1,348,575  200,000  5000000:100000:200000
uid,gid: 265,536 IDs in all; the rest of the block, 258,752 IDs, is not accessible
""")

    def test_both_ways(self):
        self.assertEqual(wh.warren("map", "show", "big", "--id", "5000123").stdout, """\
big of alice, uid,gid: 5,000,123 inside is 1,148,699 on the host (5000000:100000:200000)
big of alice, uid,gid: 5,000,123 on the host is nobody (65534) inside: it is not in alice's block 1,048,576-1,572,863
""")
        back = wh.warren("map", "show", "big", "--id", "1148699", json=True)[0]
        self.assertEqual((back["as_inside_on_host"], back["as_host_inside"]), (None, 5000123))
        anywhere = wh.warren("map", "show", "--id", "1148699", json=True)
        self.assertEqual([(one["map"], one["as_host_inside"]) for one in anywhere], [("default", 100123), ("big", 5000123)])

    def test_explained(self):
        self.assertEqual(wh.warren("map", "explain", "big", "1148699", "5000123").stdout, """\
a file owned by 1,148,699 (uid,gid)
  in a directory as it is (--bind):   5,000,123 (5000000:100000:200000)
  in a tree mapped to it (--rootfs):  nobody (65534): no entry shows 1,148,699 inside
a file owned by 5,000,123 (uid,gid)
  in a directory as it is (--bind):   nobody (65534): it is not in alice's block 1,048,576-1,572,863
  in a tree mapped to it (--rootfs):  5,000,123 (5000000:100000:200000, 1,148,699 to the host's processes)
""")
        rest = wh.warren("map", "explain", "big", FIRST + 70000).stdout
        self.assertIn("nobody (65534): alice's, but no entry shows it", rest)

    def test_bad_ids(self):
        for text in "x", "-1", "4294967295", "":
            with self.subTest(text):
                self.assert_refused(2, "is not an ID", "map", "explain", "big", "--", text)
        self.assert_refused(2, "--id: 'x' is not an ID", "map", "show", "big", "--id", "x")
        self.assert_refused(2, "name a map, or give --owner", "map", "show")
        self.assert_refused(1, "there is no map 'none'", "map", "show", "none")


@contextlib.contextmanager
def shared_directory():
    with tempfile.TemporaryDirectory(dir="/run") as path:
        os.chmod(path, 0o777)
        yield pathlib.Path(path)


def create_as(path, uid, gid):
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def try_to_read(path):
    try:
        return path.read_text()
    except PermissionError:
        return "refused"


def owners(path):
    status = os.stat(path)
    return status.st_uid, status.st_gid


class Boundaries(Maps):
    """What `map show --id` and `map explain` say of the first and last ID of each entry, and of those beside them, is
    what files on both sides show."""

    def setUp(self):
        super().setUp()
        self.add("big", *BIG)
        self.entries = [tuple(map(int, entry.split(":"))) for entry in BIG]

    def said(self, id_):
        one, = wh.warren("map", "show", "big", "--id", id_, json=True)
        return one["as_inside_on_host"], one["as_host_inside"]

    def test_files_made_inside(self):
        with shared_directory() as place, in_user_namespace(self.runs("big", "uid"), self.runs("big", "gid")) as guest:
            for inside, _, count in self.entries:
                for id_ in {inside - 1, inside, inside + count - 1, inside + count} - {-1}:
                    with self.subTest(id_):
                        path = place / str(id_)
                        host, _ = self.said(id_)
                        if host is None:
                            with self.assertRaisesRegex(AssertionError, "Invalid argument"):
                                guest.run(lambda: create_as(path, id_, id_))
                        else:
                            guest.run(lambda: create_as(path, id_, id_))
                            self.assertEqual(owners(path), (host, host))
                            self.assertEqual(guest.run(lambda: owners(path)), str((id_, id_)))

    def test_files_made_outside(self):
        with shared_directory() as place, in_user_namespace(self.runs("big", "uid"), self.runs("big", "gid")) as guest:
            for _, block, count in self.entries:
                first = FIRST + block
                for id_ in first - 1, first, first + count - 1, first + count:
                    with self.subTest(id_):
                        path = place / str(id_)
                        path.touch()
                        os.chown(path, id_, id_)
                        explained, = wh.warren("map", "explain", "big", id_, json=True)
                        _, inside = self.said(id_)
                        self.assertEqual(explained["plain"], NOBODY if inside is None else inside)
                        self.assertEqual(guest.run(lambda: owners(path)), str((explained["plain"], explained["plain"])))

    def test_files_of_a_mapped_tree(self):
        """As --rootfs shows them: nothing on disk has the block's IDs."""
        with shared_directory() as disk, shared_directory() as view, \
                in_user_namespace(self.runs("big", "uid"), self.runs("big", "gid")) as guest:
            try:
                mount_mapped(disk, view, guest.pid)
            except OSError as error:
                self.skipTest(f"this kernel maps no mounts of tmpfs: {error}")
            self.addCleanup(lambda: wh.run("umount", "-l", view, check=False))
            for inside, _, count in self.entries:
                for id_ in {inside - 1, inside, inside + count - 1, inside + count} - {-1}:
                    with self.subTest(id_):
                        (disk / str(id_)).touch()
                        os.chown(disk / str(id_), id_, id_)
                        explained, = wh.warren("map", "explain", "big", id_, json=True)
                        self.assertEqual(explained["rootfs_mapped"], explained["rootfs"] == id_)
                        self.assertEqual(guest.run(lambda: owners(view / str(id_))), str((explained["rootfs"], explained["rootfs"])))
            os.chown(disk, 0, 0)
            guest.run(lambda: create_as(view / "new", 5000000, 5199999))
            self.assertEqual(owners(disk / "new"), (5000000, 5199999))
            wh.run("umount", "-l", view)

    def read_by(self, reader, writer):
        """Does a guest of one map read the 0600 file that a guest of the other has made?"""
        with shared_directory() as place, in_user_namespace(*writer) as one, in_user_namespace(*reader) as other:
            path = place / "secret"
            one.run(lambda: path.write_text("secret") and path.chmod(0o600))
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            return other.run(lambda: try_to_read(path))

    def test_who_reads_whose_files(self):
        wh.warren("id", "allocate", "bob")
        wh.warren("map", "split", "alice")

        def told(*words):
            shown = wh.warren("map", "show", *words, json=True)
            return [[(e["inside"], e["host"], e["count"]) for e in shown[kind]] for kind in ("uid", "gid")]
        alice, bob = told("--owner", "alice"), told("--owner", "bob")
        self.assertEqual(self.read_by(alice, bob), "refused")
        self.assertEqual(self.read_by(alice, alice), "secret")
        self.assertEqual(self.read_by(told("alice.1"), told("alice.2")), "refused")

    def test_the_kernel_refuses_what_we_refuse(self):
        with in_user_namespace([(0, FIRST, 1)], [(0, FIRST, 1)]) as guest, self.assertRaises(OSError):
            write_map(f"/proc/{guest.pid}/uid_map", [(0, FIRST, 65536)])  # once is all: a map is never changed


class InUse(Maps):
    def setUp(self):
        super().setUp()
        self.add("big", *BIG)
        wh.warren("add", "web1")

    def test_never_changed(self):
        self.assert_refused(1, "there is a map 'big' already, and maps are never changed",
                            "map", "add", "big", "--owner", "alice", *both(USERS))

    def test_assigned(self):
        self.assertEqual(wh.warren("map", "assign", "web1", "big").stdout,
                         "web1: map big of alice, from its next start on (`warren down`, `warren up`)\n")
        space, = wh.warren("map", "show", "big", json=True)["spaces"]
        self.assertEqual(space["name"], "web1")
        self.assertRegex(space["since"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertIn("the map of space web1 since ", wh.warren("map", "show", "big").stdout)
        self.assert_refused(1, "map 'big' is in use by space web1: `warren map assign web1 OTHER` first", "map", "rm", "big")
        self.add("small", USERS)
        wh.warren("map", "assign", "web1", "small")
        wh.warren("map", "rm", "big")
        wh.warren("map", "assign", "web1", "default")
        wh.warren("map", "rm", "small")
        self.assertEqual(self.names(), ["default"])

    def test_it_ends_with_the_space(self):
        wh.warren("map", "assign", "web1", "big")
        wh.warren("rm", "web1")
        wh.warren("map", "rm", "big")

    def test_lives_in_a_user_namespace(self):
        with in_user_namespace(self.runs("big", "uid"), self.runs("big", "gid")) as guest:
            self.assert_refused(1, f"map 'big' is in use by the user namespace of PID {guest.pid}", "map", "rm", "big")
        wh.warren("map", "rm", "big")

    def test_bad_assignments(self):
        for code, says, words in ((1, "there is no space 'none'", ("none", "big")), (1, "there is no map 'none'", ("web1", "none")),
                                  (1, "bob has no ID block", ("web1", "--owner", "bob")),
                                  (2, "the map says whose it is", ("web1", "big", "--owner", "alice")),
                                  (2, "name a map", ("web1",)), (2, "cannot name a map", ("web1", "a/b"))):
            with self.subTest(words):
                self.assert_refused(code, says, "map", "assign", *words)

    def test_split_is_disjoint(self):
        maps = wh.warren("map", "split", "alice", json=True)
        self.assertEqual([entry["name"] for entry in maps], [f"alice.{i}" for i in range(1, 9)])
        self.assertEqual([entry["uid"][0]["host"] for entry in maps], [FIRST + i * 65536 for i in range(8)])
        self.assertTrue(all(entry["uids"] == entry["gids"] == 65536 for entry in maps))
        self.assertEqual(wh.warren("map", "split", "alice", json=True), maps)
        wh.warren("map", "rm", "alice.3")
        self.add("alice.3", *BIG)
        self.assert_refused(1, "there is a map 'alice.3' already", "map", "split", "alice")

    def test_removal_names_the_map(self):
        self.assert_refused(1, "map rm: there is no map 'none'; `warren map ls` lists them", "map", "rm", "none")
        self.assert_refused(1, "there is no map 'none'", "map", "rm", "big", "none")
        self.assertEqual(self.names(), ["default", "big"])  # all or none


if __name__ == "__main__":
    wh.main()
