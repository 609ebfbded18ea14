# SPDX-License-Identifier: GPL-2.0-or-later
"""warren run by a user without root, in a session of his that is in the space: newuidmap gives him his IDs."""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402

UID = 4001
COPY = "/run/warren-for-users"  # where users may run it, wherever it was built
SUBIDS = "/etc/subuid", "/etc/subgid"


class User(wh.HostTest):
    def setUp(self):
        self.assertTrue(shutil.which("newuidmap"), "newuidmap is not installed (package uidmap)")
        shutil.copy(wh.WARREN, COPY)
        for path in SUBIDS:
            pathlib.Path(path).write_text("")
        with open("/etc/passwd", "r+") as file:
            if "\nalice:" not in file.read():
                file.write(f"alice:x:{UID}:{UID}::/:/bin/sh\n")
        wh.warren("add", "web1")
        wh.warren("id", "allocate", "alice", check=False)
        wh.warren("id", "export", "--subuid")
        self.base = guests.first_id("alice")

    def command(self, *words, ns="web1"):
        drop = "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", COPY, "run", *words
        return ["ip", "netns", "exec", ns, *drop] if ns else list(drop)

    def run_as_alice(self, *words, check=True, **options):
        return wh.run(*self.command(*words, **options), check=check)

    def test_root_inside_is_an_id_of_his_block(self):
        said = self.run_as_alice("web1", "--", "sh", "-c", "id -u; cat /proc/self/uid_map; ls /sys/class/net; uname -n")
        self.assertEqual(said.stdout.split(), ["0", "0", str(self.base), str(guests.BLOCK), "lo", "veth_web1", "web1"])

    def test_a_tree_of_his(self):
        with guests.tree() as top:
            for path in (top, *top.rglob("*")):
                os.chown(path, self.base, self.base, follow_symlinks=False)
            said = self.run_as_alice("web1", "--rootfs", top, *guests.USR, "--", "sh", "-c", "touch /x; stat -c %u /x")
            self.assertEqual(said.stdout, "0\n")
            self.assertEqual((top / "x").stat().st_uid, self.base)

    def test_the_spaces_own_files_of_etc(self):
        own = pathlib.Path("/etc/netns/web1")
        own.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, own)
        (own / "resolv.conf").write_text("nameserver 192.0.2.53\n")
        self.assertEqual(self.run_as_alice("web1", "--", "cat", "/etc/resolv.conf").stdout, "nameserver 192.0.2.53\n")

    def test_signals_and_exit_status(self):
        self.assertEqual(self.run_as_alice("web1", "--", "sh", "-c", "exit 9", check=False).returncode, 9)
        before = guests.processes()
        process = subprocess.Popen(self.command("web1", "--", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do "
                                                "sleep 0.05; done"), stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.terminate()
        self.assertEqual(process.wait(wh.patience()), 5)
        process.stdout.close()
        with wh.killed_after(subprocess.Popen(self.command("web1", "--", "sleep", "1000"))):
            wh.wait_until(lambda: len(guests.processes()) == len(before) + 3)
        self.assertTrue(wh.wait_until(lambda: guests.processes() == before), guests.processes())

    def test_what_he_may_not(self):
        wh.warren("add", "web2")
        for words, options, why in ((["web2", "--", "true"], {}, "run this in a session that is in space web2"),
                                    (["web1", "--", "true"], {"ns": None}, "only root enters a space"),
                                    (["web1", "--map", "default", "--", "true"], {}, "--map needs root"),
                                    (["web1", "--", "ip", "link", "set", "lo", "down"], {}, "not permitted")):
            with self.subTest(words=words):
                got = self.run_as_alice(*words, check=False, **options)
                self.assertNotEqual(got.returncode, 0)
                self.assertIn(why, got.stderr)

    def test_without_ids(self):
        for path in SUBIDS:
            pathlib.Path(path).write_text("bob:100000:65536\n")
        got = self.run_as_alice("web1", "--", "true", check=False)
        self.assertIn("/etc/subuid grants no IDs to alice: root adds them with `warren id allocate alice`", got.stderr)


if __name__ == "__main__":
    wh.main()
