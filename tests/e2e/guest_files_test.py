# SPDX-License-Identifier: GPL-2.0-or-later
"""Files between host and guest: who owns what on either side, what of the tree and the binds can be changed."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import guests  # noqa: E402
import warrenhost as wh  # noqa: E402
from guests import USR, output, run, script  # noqa: E402

PYTHON = "/usr/bin/python3"
NOBODY = 65534
DEBIAN = pathlib.Path("/var/cache/warren-test/rootfs")  # tests/system/image.sh makes it
# Makes a file for each ID and gives it that ID: which could be done?
MAKE = """
import json, os, sys
done = {}
for id in json.loads(sys.argv[2]):
    path = f"{sys.argv[1]}/{id}"
    open(path, "w").close()
    try:
        os.chown(path, id, id)
        done[id] = True
    except OSError:
        done[id] = False
print(json.dumps(done))
"""
LOOK = """
import json, os, sys
print(json.dumps({n: [os.stat(f"{sys.argv[1]}/{n}").st_uid, os.stat(f"{sys.argv[1]}/{n}").st_gid]
                  for n in os.listdir(sys.argv[1])}))
"""


class Tree(wh.HostTest):
    """A tree whose files are the host's root's on disk, and a directory that is bound to /srv."""

    def setUp(self):
        self.top = self.enterContext(guests.tree())
        self.shared = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp")))
        self.shared.chmod(0o777)

    def options(self, *more):
        return ("--rootfs", self.top, *USR, "--bind", f"{self.shared}:/srv", *more)

    def inside(self, space, code, *args, options=()):
        return json.loads(output(space, *self.options(*options), "--", PYTHON, "-c", code, *map(str, args)))


class Boundaries(Tree):
    """first-1, first, last and last+1 of each entry of 0:0:65536 and 5000000:100000:200000, both ways."""

    ENTRIES = (0, 0, 65536), (5000000, 100000, 200000)

    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")
        guests.own_map("web1", *(":".join(map(str, entry)) for entry in self.ENTRIES))
        self.base = guests.first_id("web1")

    def edges(self):
        """{ID inside: ID in the block, or None}."""
        found = {}
        for inside, block, count in self.ENTRIES:
            found |= {inside: block, inside + count - 1: block + count - 1, inside + count: None}
            if inside:
                found[inside - 1] = None
        return found

    def test_made_inside_in_a_shared_directory(self):
        edges = self.edges()
        done = self.inside("web1", MAKE, "/srv", json.dumps(list(edges)))
        for inside, block in edges.items():
            with self.subTest(inside=inside):
                self.assertEqual(done[str(inside)], block is not None)
                owner = (self.shared / str(inside)).stat()
                wanted = self.base + (block or 0)  # what could not be given away is still its root's
                self.assertEqual((owner.st_uid, owner.st_gid), (wanted, wanted))

    def test_made_outside_in_a_shared_directory(self):
        edges = self.edges()
        offsets = {block: inside for inside, block in edges.items() if block is not None}
        for _, block, count in self.ENTRIES:  # one before and one behind belong to the block, but to no entry
            offsets.setdefault(block + count, None)
            offsets.setdefault(block - 1, None)
        for offset in offsets:
            os.close(os.open(self.shared / str(offset), os.O_CREAT))
            os.chown(self.shared / str(offset), self.base + offset, self.base + offset)
        seen = self.inside("web1", LOOK, "/srv")
        self.assertEqual(seen, {str(offset): [NOBODY if inside is None else inside] * 2
                                for offset, inside in offsets.items()})

    def test_the_tree_keeps_its_own_owners(self):
        """Idmapped: what is 5000000 inside is 5000000 on disk, and nothing is chowned."""
        edges = self.edges()
        (self.top / "mnt/in").mkdir()
        done = self.inside("web1", MAKE, "/mnt/in", json.dumps(list(edges)))
        for inside, block in edges.items():
            self.assertEqual(done[str(inside)], block is not None)
            self.assertEqual((self.top / f"mnt/in/{inside}").stat().st_uid, inside if block is not None else 0)
        (self.top / "mnt/out").mkdir()
        for inside in edges:
            os.close(os.open(self.top / f"mnt/out/{inside}", os.O_CREAT))
            os.chown(self.top / f"mnt/out/{inside}", inside, inside)
        seen = self.inside("web1", LOOK, "/mnt/out")
        self.assertEqual(seen, {str(inside): [NOBODY if block is None else inside] * 2
                                for inside, block in edges.items()})

    def test_another_map_merely_shifts_the_view(self):
        (self.top / "mnt/file").write_text("")
        os.chown(self.top / "mnt/file", 70000, 70000)
        self.assertEqual(script("web1", "stat -c %u /mnt/file", *self.options()), str(NOBODY))
        self.assertEqual(script("web1", "stat -c %u /mnt/file", *self.options("--map", "default")), "70000")
        self.assertEqual((self.top / "mnt/file").stat().st_uid, 70000)


class BetweenOwners(Tree):
    """0600 files of root inside, in a directory that both see."""

    def reads(self, writer, reader):
        """Each is a space and options; may the second read what the first wrote for itself?"""
        run(writer[0], *self.options(*writer[1:]), "--", "sh", "-c",
            "umask 077; rm -f /srv/secret; echo secret >/srv/secret")
        got = run(reader[0], *self.options(*reader[1:]), "--", "cat", "/srv/secret", check=False)
        self.assertIn(got.stdout, ("", "secret\n"))
        self.assertEqual(got.returncode == 0, got.stdout != "")
        (self.shared / "secret").unlink()
        return got.returncode == 0

    def test_two_owners_cannot(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        self.assertTrue(self.reads(["web1"], ["web1"]))
        self.assertFalse(self.reads(["web1"], ["web2"]))
        self.assertFalse(self.reads(["web2"], ["web1"]))

    def test_one_owner_can_with_the_default_map_and_cannot_with_split_ones(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        wh.warren("id", "allocate", "alice")
        for space in "web1", "web2":
            wh.warren("map", "assign", space, "--owner", "alice")
        self.assertTrue(self.reads(["web1"], ["web2"]))
        wh.warren("map", "split", "alice")
        first, second = "alice.1", "alice.2"
        self.assertFalse(self.reads(["web1", "--map", first], ["web2", "--map", second]))
        self.assertTrue(self.reads(["web1", "--map", first], ["web2", "--map", first]))


class Rights(Tree):
    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")
        guests.own_map("web1")

    def test_read_only_is_for_good(self):
        """Its root may mount what he likes, but not make that writable which was given for reading."""
        (self.shared / "f").write_text("given")
        options = "--rootfs", self.top, *USR, "--read-only", "--bind", f"{self.shared}:/srv:ro"
        for attempt in ("touch /x", "touch /srv/x", "echo x >/srv/f", "mount -o remount,rw /; touch /x",
                        "mount -o remount,rw,bind /srv; touch /srv/x", "mount --bind /srv /mnt; mount -o "
                        "remount,rw,bind /mnt; touch /mnt/x", "umount /srv; touch /srv/x", "touch /usr/x"):
            with self.subTest(attempt=attempt):
                got = run("web1", *options, "--", "sh", "-c", f"({attempt}) 2>/dev/null", check=False)
                self.assertNotEqual(got.returncode, 0)
                self.assertEqual(os.listdir(self.shared), ["f"])
                self.assertEqual((self.shared / "f").read_text(), "given")
        self.assertEqual(script("web1", "cat /srv/f; echo ok >/tmp/x && echo ok >/run/x && cat /tmp/x", *options),
                         "givenok")

    def test_read_only_host(self):
        options = "--read-only", "--bind", f"{self.shared}:/mnt"
        for attempt in f"touch {self.shared}/x", f"mount -o remount,rw /; touch {self.shared}/x":
            self.assertNotEqual(run("web1", *options, "--", "sh", "-c", attempt, check=False).returncode, 0)
        run("web1", *options, "--", "touch", "/mnt/x")
        self.assertEqual((self.shared / "x").stat().st_uid, guests.first_id("web1"))

    def shared_mount(self, path):
        """As any mount of a host with systemd is: what is mounted below one copy appears in the others."""
        wh.run("mount", "--bind", path, path)
        self.addCleanup(wh.run, "umount", "-l", path)
        wh.run("mount", "--make-shared", path)
        (path / "late").mkdir()
        return path / "late"

    def test_what_is_mounted_later_is_not_writable_either(self):
        below_tree, below_bind = self.shared_mount(self.top), self.shared_mount(self.shared)
        for options, places in ((("--rootfs", self.top, *USR, "--read-only", "--bind", f"{self.shared}:/srv:ro"),
                                 "/late/x /srv/late/x"),
                                (("--read-only",), f"{below_bind}/x"),
                                (("--bind", f"{self.shared}:/mnt:ro"), "/mnt/late/x")):
            with self.subTest(options=options):
                guest = subprocess.Popen(
                    [str(word) for word in (wh.WARREN, "run", "web1", *options, "--", "sh", "-c", "echo ready; read line; "
                                            f"for place in {places}; do touch $place && echo wrote $place; done")],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                with wh.killed_after(guest):
                    self.assertEqual(guest.stdout.readline(), "ready\n")
                    for place in below_tree, below_bind:
                        wh.run("mount", "-t", "tmpfs", "-o", "mode=1777", "late", place)
                    said = guest.communicate("go\n", timeout=wh.patience())[0]
                    for place in below_tree, below_bind:
                        self.assertEqual(os.listdir(place), [])
                        wh.run("umount", place)
                self.assertEqual(said, "")

    def test_binds_stay_below_the_tree(self):
        """The guest's root has put links where the binds go."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as other:
            pathlib.Path(other).chmod(0o755)
            shutil.rmtree(self.top / "mnt")
            (self.top / "mnt").symlink_to(other)
            (self.top / "etc/link").symlink_to("../../../../../../etc")
            there = self.top / other.lstrip("/")
            for may in False, True:
                got = run("web1", *self.options("--bind", f"{self.shared}:/mnt/deep/dir"), "--", "true", check=False)
                self.assertEqual(got.returncode == 0, may, got.stderr)  # a link that leads nowhere is not followed
                self.assertEqual(os.listdir(other), [])
                there.mkdir(parents=True, exist_ok=True)
            self.assertTrue((there / "deep/dir").is_dir())
            script("web1", "true", *self.options("--bind", f"{self.shared}:/etc/link/made"))
            self.assertFalse(os.path.exists("/etc/made"))
            for name in "proc", "sys", "dev":
                (self.top / name).rmdir()
                (self.top / name).symlink_to("/etc")
            before = guests.mounts()
            run("web1", *self.options(), "--", "true", check=False)
            self.assertEqual(guests.mounts(), before)

    def test_a_bind_over_a_link_that_leads_nowhere(self):
        """As /etc/resolv.conf is in many trees: nothing is made where it leads."""
        (self.shared / "f").write_text("bound")
        (self.top / "etc/resolv.conf").symlink_to("../run/nowhere")
        self.assertEqual(script("web1", "cat /etc/resolv.conf; ls /run", *self.options(
            "--bind", f"{self.shared}/f:/etc/resolv.conf")), "bound")
        self.assertEqual(os.readlink(self.top / "etc/resolv.conf"), "../run/nowhere")

    def test_places_of_binds_are_made(self):
        (self.shared / "f").write_text("one file")
        said = script("web1", "cat /opt/a/b; ls -d /opt/c/d; stat -c %u /opt/a", *self.options(
            "--bind", f"{self.shared}/f:/opt/a/b", "--bind", f"{self.shared}:/opt/c/d"))
        self.assertEqual(said.split("\n"), ["one file/opt/c/d", "0"])

    def test_the_spaces_own_files_of_etc(self):
        """As with exec, with a tree and without; a link in the tree is covered and not followed; a bind comes above."""
        own = pathlib.Path("/etc/netns/web1")
        own.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, own)
        for name, text in ("resolv.conf", "ours"), ("hosts", "hosts"), ("new", "new"):
            (own / name).write_text(text + "\n")
        (self.shared / "bound").write_text("bound\n")
        os.symlink("../../../../../../run/nowhere/resolv.conf", self.top / "etc/resolv.conf")
        os.symlink(self.shared / "bound", self.top / "etc/hosts")
        before = pathlib.Path("/etc/resolv.conf").read_text(), guests.mounts()
        got = run("web1", *self.options(), "--", "sh", "-c", "cat /etc/resolv.conf /etc/hosts /etc/new; "
                  "(echo x >/etc/new) 2>/dev/null || echo denied")
        self.assertEqual(got.stdout.split(), ["ours", "hosts", "new", "denied"])
        self.assertTrue(os.path.islink(self.top / "etc/resolv.conf"))
        self.assertEqual(script("web1", "cat /etc/hosts", *self.options("--bind", f"{self.shared}/bound:/etc/new")), "hosts")
        over = f"{self.shared}/bound:/etc/resolv.conf"
        self.assertEqual(script("web1", "cat /etc/resolv.conf", *self.options("--bind", over)), "bound")
        self.assertEqual(script("web1", "cat /etc/new", *self.options("--bind", f"{self.shared}/bound:/etc/new")), "bound")
        got = run("web1", "--", "cat", "/etc/resolv.conf", "/etc/hosts")
        self.assertEqual(got.stdout.split(), ["ours", "hosts"])
        self.assertRegex(got.stderr, "^warren: warning: /etc/netns/web1: bind /etc/new: .*\n$")
        self.assertFalse(os.path.exists("/etc/new"))
        self.assertEqual((pathlib.Path("/etc/resolv.conf").read_text(), guests.mounts()), before)
        self.assertEqual((self.shared / "bound").read_text(), "bound\n")

    def test_places_of_what_every_guest_has_are_made(self):
        for name in "proc", "sys", "dev":
            (self.top / name).rmdir()
        got = run("web1", *self.options("--read-only"), "--", "true", check=False)
        self.assertRegex(got.stderr, f"^warren: --rootfs {self.top}: make the directory /proc: .*: make it there before\n$")
        self.assertEqual(script("web1", "echo >/dev/null; cat /proc/1/comm; ls /sys/class", *self.options()).split()[0],
                         "warren")
        self.assertEqual([(self.top / name).stat().st_uid for name in ("proc", "sys", "dev")], [0, 0, 0])

    def test_nothing_of_the_host_is_left_in_sight(self):
        self.assertEqual(script("web1", "ls /; cat /proc/self/mountinfo", *self.options()).count("var/lib"), 0)
        marks = script("web1", "ls /; cd ../../..; ls", *self.options()).split()
        self.assertNotIn("home", marks)
        environment = script("web1", "env", *self.options(), env=os.environ | {"SECRET": "1", "TERM": "vt100"})
        self.assertNotIn("SECRET", environment)
        self.assertIn("TERM=vt100", environment)
        self.assertEqual(script("web1", "cat /proc/1/cmdline", *self.options()).strip("\0"), "warren")

    def test_users_of_the_tree(self):
        said = script("web1", "id -un; id -G; pwd; echo $HOME; touch /srv/mine", *self.options("-u", "alice")).split()
        self.assertEqual(said, ["alice", "1000", "29", "/", "/srv"])
        self.assertEqual((self.shared / "mine").stat().st_uid, guests.first_id("web1") + 1000)

    def test_device_nodes_are_the_hosts(self):
        """Those on disk open nothing, though they are the guest's root's; a device is given by a bind of its own."""
        for place in self.top / "dev/zero", self.top / "mnt/zero", self.shared / "zero":
            os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
            place.chmod(0o666)
            self.assertEqual(wh.run("head", "-c", "1", place).stdout, "\0")
        said = script("web1", "for node in /dev/zero /mnt/zero /srv/zero /etc/zero; do head -c 2 $node | wc -c; done; "
                      "umount -l /dev; head -c 2 /dev/zero | wc -c; mount -o remount,dev,bind /; "
                      "head -c 2 /mnt/zero | wc -c",
                      *self.options("--bind", "/dev/zero:/etc/zero"), stderr=subprocess.DEVNULL, capture_output=False,
                      stdout=subprocess.PIPE)
        self.assertEqual(said.split(), ["2", "0", "0", "2", "0", "0"])

    def test_the_hosts_own_tree_is_refused(self):
        """By whatever name; and where / is a directory of its file system, what is above that."""
        alias = self.top / "mnt"
        wh.run("mount", "--bind", "/", alias)
        self.addCleanup(wh.run, "umount", alias)
        host = self.top / "srv/host"
        host.mkdir()
        inside = "mount --bind {0} {0}; cd {0}; for dir in /*/; do mkdir .$dir; " \
            "mount --rbind $dir .$dir; done; mkdir all; mount --bind {1} all; mount --bind {1}/usr all/usr; " \
            "exec chroot . {2} run web1 --rootfs /all -- true".format(host, self.top, wh.WARREN)
        for command in ((wh.WARREN, "run", "web1", "--rootfs", "/", "--", "true"),
                        (wh.WARREN, "run", "web1", "--rootfs", "/proc/self/root/", "--read-only", "--", "true"),
                        (wh.WARREN, "run", "web1", "--rootfs", alias, "--", "true"),
                        ("unshare", "-m", "sh", "-c", inside)):
            with self.subTest(command=command):
                got = wh.run(*command, check=False)
                self.assertEqual(got.returncode, 2, got.stderr)
                self.assertRegex(got.stderr, "^warren: --rootfs: .* is the host's root directory, or holds it.*without")

    def test_setuid_programs_work_unless_told_otherwise(self):
        shutil.copy("/usr/bin/id", self.top / "mnt/id")
        (self.top / "mnt/id").chmod(0o4755)
        self.assertEqual(output("web1", *self.options("-u", "alice"), "--", "/mnt/id", "-u"), "0")
        self.assertEqual(output("web1", *self.options("-u", "alice", "--no-new-privs"), "--", "/mnt/id", "-u"), "1000")


class Lists(Tree):
    """/etc/passwd and /etc/group are the tenant's, who may have put anything there."""

    def setUp(self):
        super().setUp()
        wh.warren("add", "web1")

    def test_what_is_no_file(self):
        for name in "passwd", "group":
            path = self.top / "etc" / name
            text = path.read_text()
            for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/dev/tty"),
                         os.mkdir, lambda path: path.symlink_to("/proc/self/fd/0")):
                path.unlink()
                make(path)
                got = run("web1", *self.options("-u", "alice"), "--", "true", check=False, timeout=wh.patience(), input="")
                self.assertEqual(got.returncode, 1, got)
                self.assertRegex(got.stderr, rf"\Awarren: the guest's list of (users|groups): .*/etc/{name}.*\n\Z")
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
                path.write_text(text)

    def test_size(self):
        with open(self.top / "etc/passwd", "a") as file:
            file.truncate((16 << 20) + 1)
        got = run("web1", *self.options("-u", "alice"), "--", "true", check=False)
        self.assertIn("/etc/passwd is over 16 MiB", got.stderr)

    def test_link_to_a_file(self):
        (self.top / "etc/passwd").rename(self.top / "srv.passwd")
        (self.top / "etc/passwd").symlink_to("../srv.passwd")
        self.assertEqual(script("web1", "id -u", *self.options("-u", "alice")), "1000")
        (self.top / "etc/group").unlink()
        self.assertEqual(script("web1", "id -G", *self.options("-u", "alice")), "1000")
        (self.top / "etc/passwd").unlink()
        self.assertIn("no user 'alice'", run("web1", *self.options("-u", "alice"), "--", "true", check=False).stderr)

    def test_a_signal_meanwhile(self):
        """As many users and groups as are read take a while."""
        for name, line in ("passwd", "u:x:2:2:::\n"), ("group", "g:x:2:\n"):
            (self.top / "etc" / name).write_text(line * ((15 << 20) // len(line)))
        command = [wh.WARREN, "run", "web1", *self.options("-u", "12"), "--", "sleep", "60"]
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True)
        with wh.killed_after(process):
            self.assertTrue(wh.wait_until(lambda: guests.pid_1(process)))
            process.terminate()
            said = process.communicate(timeout=wh.patience())[1]
        self.assertEqual((process.returncode, said), (1, "warren: a signal came before the guest was ready: it is ended\n"))


@unittest.skipUnless((DEBIAN / "usr/bin/apt-get").exists(), f"no Debian in {DEBIAN}: tests/system/image.sh makes it")
class Debian(wh.HostTest):
    """A whole Debian, as mmdebstrap makes it; only read here."""

    def setUp(self):
        wh.warren("add", "web1", "-p", "6000:8080")
        guests.own_map("web1")
        self.options = "--rootfs", DEBIAN, "--read-only"

    def test_programs(self):
        self.assertRegex(output("web1", *self.options, "--", "apt-get", "--version"), r"^apt \d")
        self.assertEqual(output("web1", *self.options, "--", "id"), "uid=0(root) gid=0(root) groups=0(root)")
        address = wh.warren("show", "web1", json=True)["ipv4"]
        self.assertIn(f"{address}/32", output("web1", *self.options, "--", "ip", "addr"))
        self.assertEqual(output("web1", *self.options, "-u", "daemon", "--", "sudo", "-V").split()[0], "Sudo")
        self.assertEqual(output("web1", *self.options, "--", "su", "daemon", "-s", "/bin/sh", "-c", "id -un"), "daemon")

    def test_its_owners_are_its_own(self):
        self.assertEqual(output("web1", *self.options, "--", "stat", "-c", "%U %a", "/etc/shadow", "/usr/bin/su").split(),
                         ["root", "640", "root", "4755"])

    def test_server_through_a_forward(self):
        code = "import http.server as h, socketserver as s; s.TCPServer(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
        server = subprocess.Popen([str(w) for w in (wh.WARREN, "run", "web1", *self.options, "--", PYTHON, "-c", code)],
                                  stderr=subprocess.DEVNULL)
        with wh.killed_after(server):
            fetch = "import urllib.request as u; print(u.urlopen('http://203.0.113.10:6000/etc/debian_version').read())"
            got = wh.wait_until(lambda: wh.python(wh.OUTSIDE, fetch, check=False).stdout)
            self.assertEqual(got.strip(), str((DEBIAN / "etc/debian_version").read_bytes()))


if __name__ == "__main__":
    wh.main()
