# SPDX-License-Identifier: GPL-2.0-or-later
"""The store is one file: copied, backed up while all goes on, restored, and migrated."""

import os
import pathlib
import shutil
import sqlite3
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

LIB = pathlib.Path("/var/lib/warren")
STORE = LIB / "warren.db"
DATA = wh.ROOT / "tests/data"
KILLSTEP = os.environ.get("KILLSTEP", str(pathlib.Path(wh.WARREN).parents[2] / "tests/tools/killstep"))
KILLED = 137


class Backup(wh.HostTest):
    def setUp(self):
        self.file = pathlib.Path("/run/store.backup")

    def tearDown(self):
        super().tearDown()
        self.file.unlink(missing_ok=True)
        shutil.rmtree(LIB, ignore_errors=True)

    def names(self):
        return {space["name"] for space in wh.warren("export", json=True)}

    def refused(self, text, *command, code=1):
        result = wh.warren(*command, check=False)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def test_takes_back_what_was(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        before = hoststate.export()
        wh.warren("backup", self.file)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.file.parent.glob("store.backup*")], ["store.backup"])
        wh.warren("rm", "web1")
        wh.warren("add", "web2")
        said = wh.warren("restore", self.file).stdout
        self.assertIn("1 spaces", said)
        self.assertIn("web2 is not in it", said)
        self.assertIn("warren up", said)
        wh.warren("up")
        self.assertEqual(hoststate.export(), before)
        self.assertNotIn("web2", hoststate.pins())
        self.assertEqual(wh.warren("check", check=False).returncode, 0)
        with wh.serve("web1", 8080):
            self.assertTrue(wh.connect(wh.OUTSIDE, wh.UPLINK4, 6000).peer)
        with sqlite3.connect(STORE.with_name("warren.db.before-restore")) as kept:
            self.assertEqual(kept.execute("SELECT name FROM space").fetchall(), [("web2",)])

    def test_a_file_that_is_there_stays(self):
        wh.warren("add", "web1")
        self.file.write_text("mine")
        self.refused(f"{self.file} exists already", "backup", self.file)
        self.assertEqual(self.file.read_text(), "mine")
        wh.warren("backup", "--force", self.file)
        self.assertEqual(wh.warren("restore", self.file, json=True)["spaces"], 1)
        self.refused("is the store itself", "backup", "--force", STORE, code=2)
        self.refused("is no regular file", "backup", "--force", "/dev/null", code=2)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_a_number_that_another_has(self):
        wh.warren("add", "web1")
        wh.warren("backup", self.file)
        wh.warren("rm", "web1")
        shutil.rmtree(LIB)
        wh.warren("add", "other")
        before = hoststate.export()
        self.refused("number 2 is taken by space web1: `warren rm other` first", "restore", self.file)
        self.assertEqual(hoststate.export(), before)
        wh.warren("rm", "other")
        wh.warren("restore", self.file)
        wh.warren("up")
        self.assertEqual(self.names(), {"web1"})

    def test_without_a_store(self):
        self.refused("nothing to back up", "backup", self.file)
        self.assertFalse(self.file.exists())
        self.assertFalse(LIB.exists())

    def test_what_is_no_backup_changes_nothing(self):
        wh.warren("add", "web1")
        before = hoststate.export()
        wh.warren("backup", self.file)
        good = self.file.read_bytes()
        for bad in (b"", b"x" * 5000, good[:len(good) // 2], good[:4096] + b"\0" * 8192 + good[12288:]):
            self.file.write_bytes(bad)
            self.refused("is no store of warren, or is damaged", "restore", self.file, code=2)
            self.assertEqual(hoststate.export(), before)
        self.file.write_bytes(good)
        with sqlite3.connect(self.file) as newer:
            newer.execute("PRAGMA user_version = 99")
        self.refused("was written by a newer warren (schema 99", "restore", self.file, code=2)
        self.file.unlink()
        self.refused("No such file", "restore", self.file)
        self.assertEqual(hoststate.export(), before)
        self.assertEqual(sorted(path.name for path in LIB.glob("*restore*")), [])

    def test_while_others_write(self):
        wh.warren("add", "web0")
        with wh.killed_after(wh.start("sh", "-c", f"i=1; while {wh.WARREN} add s$i >/dev/null; do i=$((i+1)); done")):
            for turn in range(5):
                wh.warren("backup", "--force", self.file)
                with sqlite3.connect(self.file) as copy:
                    self.assertEqual(copy.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
                    self.assertEqual(copy.execute("PRAGMA foreign_key_check").fetchall(), [])
            wh.warren("restore", self.file)
        wh.warren("up")
        self.assertIn("web0", self.names())
        wh.warren("rm", "--all")

    def test_numbers_and_the_revision_never_fall(self):
        def meta():
            with sqlite3.connect(STORE) as store:
                return dict(store.execute("SELECT key, value FROM meta"))
        wh.warren("add", "web1")
        wh.warren("backup", self.file)
        wh.warren("add", "web2")
        before = meta()
        wh.warren("restore", self.file)
        self.assertGreater(meta()["revision"], before["revision"])
        self.assertEqual(meta()["last_number"], before["last_number"])
        wh.warren("up")

    def test_not_in_a_hook(self):
        wh.warren("add", "web1")
        inside = {**os.environ, "WARREN_EVENT": "pre-up"}
        for command in ("backup", self.file), ("restore", self.file):
            result = wh.warren(*command, check=False, env=inside)
            self.assertEqual(result.returncode, 1)
            self.assertIn("called from a hook (pre-up)", result.stderr)

    def test_cp_while_nothing_runs(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        wh.warren("port", "add", "web1", "6001:8081")
        before = hoststate.export()
        shutil.copy(STORE, self.file)
        wh.warren("rm", "web1")
        wh.warren("restore", self.file)
        self.assertEqual(hoststate.export(), before)
        wh.warren("up")


class EarlierStore(wh.HostTest):
    def setUp(self):
        LIB.mkdir(mode=0o700)
        shutil.copy(DATA / "store-v1.db", STORE)
        STORE.chmod(0o600)

    def tearDown(self):
        super().tearDown()
        shutil.rmtree(LIB, ignore_errors=True)

    def version(self, path=STORE):
        with sqlite3.connect(path) as store:
            return store.execute("PRAGMA user_version").fetchone()[0]

    def test_is_read_as_it_is_and_migrated_by_up(self):
        listed = wh.warren("export").stdout
        self.assertIn("[space.web1]", listed)
        self.assertEqual(self.version(), 1)
        wh.warren("rm", "cell", "shut", "theirs_", check=False)
        self.assertEqual((self.version(), self.version(LIB / "warren.db.v1")), (2, 1))
        self.assertIn("[space.web1]", wh.warren("export").stdout)
        self.assertEqual({service["name"] for service in wh.warren("service", "ls", json=True)}, {"dns", "smtp", "sql"})

    def test_is_taken_as_a_backup(self):
        shutil.rmtree(LIB)
        wh.warren("restore", DATA / "store-v1.db")
        self.assertEqual(self.version(), 2)
        self.assertIn("[space.web1]", wh.warren("export").stdout)

    def test_killed_in_a_migration(self):
        listed = wh.warren("export").stdout
        for step in range(1, 400):
            shutil.rmtree(LIB)
            self.setUp()
            result = wh.run(KILLSTEP, step, wh.WARREN, "member", "rm", "web1", "nobody", check=False)
            self.assertEqual(wh.warren("export").stdout, listed, f"killed before step {step}")
            if result.returncode != KILLED:
                break
            wh.warren("member", "rm", "web1", "nobody", check=False)
            self.assertEqual(self.version(), 2)
            self.assertEqual(wh.warren("export").stdout, listed, f"mended after a kill before step {step}")
        self.assertGreater(step, 20)
        self.assertNotEqual(result.returncode, KILLED)


if __name__ == "__main__":
    wh.main()
