#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's hooks: when they run, what they are told, which are refused, and what becomes of those that fail."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import hoststate  # noqa: E402
import warrenhost as wh  # noqa: E402

ETC = pathlib.Path("/etc/warren")
SEEN = pathlib.Path("/run/seen")
TELL = f'echo "$WARREN_EVENT $WARREN_SPACE $(basename $WARREN_HOOK)" >>{SEEN}'
LIST_DESCRIPTORS = f"""
import os
found = []
for number in os.listdir("/proc/self/fd"):
    try:
        found.append(number + " " + os.readlink("/proc/self/fd/" + number))
    except FileNotFoundError:
        pass  # what listdir itself had open
open("{SEEN}", "w").write("\\n".join(found))
"""
EVENTS = "pre-up", "up", "pre-down", "down", "dev-add", "dev-rm"


class HooksTest(wh.HostTest):
    def setUp(self):
        shutil.rmtree(ETC, ignore_errors=True)
        SEEN.unlink(missing_ok=True)

    def tearDown(self):
        shutil.rmtree(ETC, ignore_errors=True)
        super().tearDown()
        self.assertEqual(os.listdir("/run/warren/hooks") if os.path.exists("/run/warren/hooks") else [], [])

    def hook(self, event, name="10-test", text=TELL, space=None, mode=0o755):
        """A shell script; its path."""
        folder = (ETC / "spaces" / space if space else ETC) / "hooks.d" / event
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    def hook_all(self, **options):
        for event in EVENTS:
            self.hook(event, **options)

    def seen(self):
        """The lines since the last time."""
        lines = SEEN.read_text().splitlines() if SEEN.exists() else []
        SEEN.unlink(missing_ok=True)
        return lines

    def events(self):
        return [line.split()[0] for line in self.seen()]


class When(HooksTest):
    def setUp(self):
        super().setUp()
        self.hook_all()

    def test_add_down_up_rm(self):
        for words, events in (("add", "web1"), ["pre-up", "up"]), (("down", "web1"), ["pre-down", "down"]), \
                (("up", "web1"), ["pre-up", "up"]), (("up", "web1"), []), (("up",), []), (("check",), []), \
                (("port", "add", "web1", "80"), []), (("rm", "web1"), ["pre-down", "down"]), \
                (("add", "web2", "--dry-run"), []):
            with self.subTest(words=words):
                wh.warren(*words)
                self.assertEqual(self.events(), events)

    def test_rm_of_a_space_that_is_down(self):
        wh.warren("add", "web1")
        wh.warren("down", "web1")
        self.seen()
        wh.warren("rm", "web1")
        self.assertEqual(self.seen(), [])

    def test_apply(self):
        wh.warren("apply", "-", input="[space.a]\n[space.b]\n[space.c]\nstate = 'down'\n")
        self.assertEqual([line.split()[:2] for line in self.seen()],
                         [["pre-up", "a"], ["pre-up", "b"], ["up", "a"], ["up", "b"]])
        wh.warren("apply", "-", "--prune", input="[space.a]\nstate = 'down'\n[space.c]\n", )
        self.assertEqual(sorted(line.rsplit(None, 1)[0] for line in self.seen()),
                         ["down a", "down b", "pre-down a", "pre-down b", "pre-up c", "up c"])
        wh.warren("apply", "-", "--dry-run", input="[space.a]\n")
        self.assertEqual(self.seen(), [])

    def test_adopt(self):
        with wh.killed_after(wh.start("unshare", "--net", "sleep", "60")) as guest:
            wh.wait_until(lambda: os.readlink(f"/proc/{guest.pid}/exe").endswith("sleep"))
            wh.warren("adopt", "guest", "--pid", guest.pid)
            self.assertEqual(self.events(), ["pre-up", "up"])
            wh.warren("down", "guest")
            wh.warren("adopt", "guest", "--pid", guest.pid)
            self.assertEqual(self.events(), ["pre-down", "down", "pre-up", "up"])

    def test_after_a_reboot(self):
        """All that the kernel had is gone, and the store is not."""
        wh.warren("add", "web1")
        self.seen()
        wh.run("ip", "link", "del", "veth_web1_o")
        wh.run("ip", "netns", "del", "web1")
        wh.run("nft", "flush", "ruleset")
        wh.warren("up")
        self.assertEqual(self.events(), ["pre-up", "up"])
        wh.warren("check")

    def test_a_mend_is_no_up(self):
        wh.warren("add", "web1")
        with wh.killed_after(wh.start(wh.WARREN, "exec", "web1", "--", "sleep", 60)):
            wh.wait_until(lambda: wh.warren("pids", "web1", json=True))
            self.seen()
            for breakage in ("ip", "link", "del", "veth_web1_o"), ("nft", "flush", "ruleset"), \
                    ("ip", "netns", "del", "web1"):
                with self.subTest(breakage=breakage):
                    wh.run(*breakage)
                    wh.warren("up")
                    wh.warren("check")
                    self.assertEqual(self.seen(), [])

    def test_pre_down_may_end_what_runs_inside(self):
        wh.warren("add", "web1")
        with wh.killed_after(wh.start(wh.WARREN, "exec", "web1", "--", "sleep", 60)) as guest:
            wh.wait_until(lambda: wh.warren("pids", "web1", json=True))
            self.seen()
            self.assertEqual(wh.warren("rm", "web1", check=False).returncode, 1)
            self.assertEqual(self.events(), ["pre-down"])  # who is inside still keeps it up
            wh.warren("check")
            self.hook("pre-down", "20-end", f"kill {guest.pid}; while readlink /proc/{guest.pid}/ns/net >/dev/null; do sleep 0.01; done")
            wh.warren("rm", "web1")


class Order(HooksTest):
    def test_by_name_the_hosts_first(self):
        for name in "30-c", "10-a", "20-b":
            self.hook("up", name)
        for name in "15-own", "20-b":
            self.hook("up", name, TELL + f"; echo own >>{SEEN}", space="web1")
        wh.warren("add", "web1")
        self.assertEqual(self.seen(), ["up web1 10-a", "up web1 15-own", "own", "up web1 20-b", "up web1 20-b", "own",
                                       "up web1 30-c"])
        wh.warren("add", "web2")
        self.assertEqual(self.seen(), [f"up web2 {name}" for name in ("10-a", "20-b", "30-c")])

    def test_of_the_space_alone(self):
        self.hook("up", space="web1")
        wh.warren("add", "web2")
        self.assertEqual(self.seen(), [])
        wh.warren("add", "web1")
        self.assertEqual(self.events(), ["up"])


class OfDevices(HooksTest):
    def add(self, *more):
        wh.warren("dev", "add", "web1", "--type", "macvlan", "--parent", "uplink", *more)

    def test_they_come_and_go_by_themselves_and_with_the_space(self):
        self.hook_all()
        wh.warren("add", "web1")
        self.assertEqual(self.events(), ["pre-up", "up"])
        for work, events in ((self.add, ["dev-add"]), (lambda: wh.warren("down", "web1"), ["pre-down", "dev-rm", "down"]),
                             (lambda: self.add(), []), (lambda: wh.warren("dev", "rm", "web1", "eth2"), []),
                             (lambda: wh.warren("up", "web1"), ["pre-up", "dev-add", "up"]),
                             (lambda: wh.warren("dev", "rm", "web1", "eth1"), ["dev-rm"]),
                             (lambda: wh.warren("rm", "web1"), ["pre-down", "down"])):
            work()
            self.assertEqual(self.events(), events)

    def test_they_are_told_once(self):
        """Of a device that goes with its space in one `apply`, and of a space that was down, in which none stood."""
        self.hook_all()
        wh.warren("add", "web1")
        self.add()
        self.add()
        self.seen()
        file = '[space.web1]\nstate = "down"\n[[space.web1.device]]\ntype = "macvlan"\nname = "eth2"\nparent = "uplink"\nindex = 2\n'
        wh.warren("apply", "-", input=file)
        self.assertEqual(self.events(), ["pre-down", "dev-rm", "dev-rm", "down"])
        self.assertEqual([one["device"] for one in wh.warren("dev", "ls", json=True)], ["eth2"])
        wh.warren("rm", "web1")
        self.assertEqual(self.events(), [])

    def test_one_that_comes_back_is_told_and_one_that_is_mended_is_not(self):
        self.hook_all()
        wh.warren("add", "web1")
        self.add("--ip", "203.0.113.20/24")
        self.seen()
        wh.run("ip", "-n", "web1", "address", "flush", "dev", "eth1")
        wh.warren("up")
        self.assertEqual(self.events(), [])
        wh.run("ip", "-n", "web1", "link", "del", "eth1")
        wh.warren("up")
        self.assertEqual(self.events(), ["dev-add"])

    def test_what_they_are_told(self):
        self.hook("dev-add", text=f"cat >{SEEN}")
        wh.warren("add", "web1", "--no-uplink")
        self.add()
        told = json.loads(SEEN.read_text())
        device, = wh.warren("dev", "ls", json=True)
        self.assertEqual([told[key] for key in ("event", "space", "device", "device_type", "device_mac", "device_parent", "device_vlan")],
                         ["dev-add", "web1", "eth1", "macvlan", device["mac"], "uplink", None])
        self.assertEqual([told[key] for key in ("ipv4", "ipv6", "interface", "mac", "host_interface", "host_mac")], [None] * 6)


class Told(HooksTest):
    def told(self, *words, name="10-test"):
        self.hook("up", name, f"env >{SEEN}.env; cat >{SEEN}.json; cat /proc/net/dev >{SEEN}.dev; "
                  f"ls /sys/class/net >{SEEN}.sys; id -u >{SEEN}.id; pwd >>{SEEN}.id")
        wh.warren("add", *words)
        env = dict(line.split("=", 1) for line in pathlib.Path(f"{SEEN}.env").read_text().splitlines())
        return env, json.loads(pathlib.Path(f"{SEEN}.json").read_text())

    def test_environment_and_json_say_the_same(self):
        env, facts = self.told("web1", "-p", "6000:8080", "-p", "203.0.113.10:53:53/udp", "--no-nat")
        space = wh.warren("show", "web1", json=True)
        for key in "number", "ipv4", "ipv6", "gateway4", "gateway6", "interface", "mac", "host_interface", "host_mac", \
                "netns", "nat", "adopted":
            self.assertEqual(facts[key], space[key], key)
        self.assertEqual((facts["event"], facts["space"]), ("up", "web1"))
        self.assertEqual(facts["forwards"], [forward["spec"] for forward in space["forwards"]])
        own = {key: value for key, value in env.items() if key.startswith("WARREN_") and key != "WARREN_HOOK"}
        as_words = {True: "true", False: "false"}
        self.assertEqual(own, {"WARREN_" + key.upper(): " ".join(value) if isinstance(value, list) else
                               as_words.get(value, str(value)) if isinstance(value, bool) else str(value)
                               for key, value in facts.items()})

    def test_nothing_else_of_the_callers_environment(self):
        os.environ["SECRET"] = "x"
        self.addCleanup(os.environ.pop, "SECRET")
        env, _ = self.told("web1")
        self.assertEqual({key for key in env if not key.startswith("WARREN_")} - {"PWD", "SHLVL", "_", "OLDPWD"}, {"PATH"})
        self.assertEqual(pathlib.Path(f"{SEEN}.id").read_text(), "0\n/\n")

    def test_what_has_no_value(self):
        wh.configure(ipv6=False)
        env, facts = self.told("web1")
        self.assertIsNone(facts["ipv6"])
        self.assertNotIn("WARREN_IPV6", env)

    def test_on_the_host(self):
        self.told("web1")
        self.assertIn("uplink", pathlib.Path(f"{SEEN}.dev").read_text())

    def test_inside(self):
        self.told("web1", name="10-test.inside")
        self.assertEqual(pathlib.Path(f"{SEEN}.sys").read_text().split(), ["lo", "veth_web1"])
        dev = pathlib.Path(f"{SEEN}.dev").read_text()
        self.assertTrue("veth_web1:" in dev and "uplink" not in dev)

    def test_descriptors(self):
        """Those of the caller, and of warren, are not handed on; a script has itself as well, to be read."""
        # Not the shell itself: it has more of them for a moment, for a pipe or a redirection.
        self.hook("up", text=f"exec python3 -c '{LIST_DESCRIPTORS}'")
        shutil.copy("/usr/bin/env", ETC / "hooks.d/up/20-binary")
        read, write = os.pipe()
        wh.warren("add", "web1", pass_fds=[read, write])
        found = dict(line.split(" ", 1) for line in self.seen())
        os.close(read), os.close(write)
        self.assertEqual(set(found), {"0", "1", "2", "3"})
        self.assertTrue(found["3"].endswith("up/10-test"))
        self.assertIn("warren-facts", found["0"])

    def test_a_program_has_its_streams_only(self):
        self.hook("up")
        (ETC / "hooks.d/up/10-test").unlink()
        shutil.copy("/usr/bin/ls", ETC / "hooks.d/up/10-ls")
        result = wh.warren("add", "web1")
        self.assertIn("warren: hook /etc/warren/hooks.d/up/10-ls: ", result.stderr)  # it lists /, its directory


class Failing(HooksTest):
    def test_pre_up_refuses_add(self):
        wh.warren("add", "web0")
        before = hoststate.everything()
        self.hook("pre-up", text="echo asking; echo no VLAN 7 here >&2; exit 3")
        self.hook("pre-up", "20-never", f"touch {SEEN}.never")
        self.hook("down")
        result = wh.warren("add", "web1", "-p", "6000:8080", check=False)
        self.assertEqual(result.returncode, 1)
        path = "/etc/warren/hooks.d/pre-up/10-test"
        self.assertEqual(result.stderr.splitlines()[-1],
                         f"warren: add web1: hook {path}: exit status 3: no VLAN 7 here")
        self.assertIn(f"warren: hook {path}: asking\n", result.stderr)
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        self.assertFalse(os.path.exists(f"{SEEN}.never"))
        self.assertEqual(self.seen(), ["down web1 10-test"])  # to take back what other hooks did
        wh.warren("check")

    def test_pre_up_refuses_up(self):
        wh.warren("add", "web1")
        wh.warren("add", "web2")
        wh.warren("down", "web1", "web2")
        before = hoststate.everything()
        self.hook("pre-up", text="echo not today >&2; exit 1", space="web1")
        result = wh.warren("up", "web1", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("space web1: hook /etc/warren/spaces/web1/hooks.d/pre-up/10-test: exit status 1: not today",
                      result.stderr)
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})
        self.assertEqual(wh.warren("up", "web1", "web2", check=False).returncode, 1)
        self.assertEqual({space["name"]: space["state"] for space in wh.warren("ls", json=True)},
                         {"web1": "down", "web2": "up"})
        wh.warren("check")

    def test_pre_up_refuses_apply(self):
        wh.warren("add", "old")
        before = hoststate.everything()
        self.hook("pre-up", text="exit 1", space="b")
        result = wh.warren("apply", "-", "--prune", check=False, input="[space.a]\n[space.b]\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("apply: space b: hook ", result.stderr)
        self.assertEqual(hoststate.difference(before, hoststate.everything()), {})

    def test_pre_up_refuses_one_after_a_reboot(self):
        for name in "web1", "web2":
            wh.warren("add", name)
            wh.run("ip", "link", "del", f"veth_{name}_o")
            wh.run("ip", "netns", "del", name)
        hook = self.hook("pre-up", text="exit 1", space="web1")
        result = wh.warren("up", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("space web1: hook", result.stderr)
        self.assertTrue(wh.ping("web2", wh.WORLD4))
        self.assertFalse(os.path.exists("/run/netns/web1"))
        hook.unlink()
        wh.warren("up")
        wh.warren("check")

    def test_others_are_warnings(self):
        for event in "up", "pre-down", "down":
            self.hook(event, text="echo oh >&2; exit 4")
            self.hook(event, "20-next")
        for words, events in (["add", "web1"], ["up"]), (["rm", "web1"], ["pre-down", "down"]):
            result = wh.warren(*words)
            for event in events:
                self.assertIn(f"warren: warning: space web1: hook /etc/warren/hooks.d/{event}/10-test: exit status 4: oh\n",
                              result.stderr)
            self.assertEqual(self.events(), events)

    def test_what_cannot_run(self):
        self.hook("up", "10-signal", "kill -9 $$")
        self.hook("up", "20-interpreter").write_text("#!/no/such/shell\n")
        self.hook("up", "30-none").write_text("true\n")
        stderr = wh.warren("add", "web1").stderr
        for text in "10-signal: ended by signal 9 (Killed)", "20-interpreter: exit status 126: there is no such interpreter", \
                "30-none: exit status 126: it is no program, and no script":
            self.assertIn(text, stderr)

    def test_deadline_ends_its_whole_group(self):
        ETC.mkdir()
        pathlib.Path(wh.CONFIG).write_text("[hooks]\ntimeout = 1\n")
        self.hook("up", text=f"echo waiting >&2; sleep 6100 & echo $! >{SEEN}.pid; sleep 6100")
        began = time.monotonic()
        result = wh.warren("add", "web1")
        self.assertGreaterEqual(time.monotonic() - began, 1)
        self.assertIn("up/10-test: not done within 1 s, and ended: waiting", result.stderr)
        self.assertTrue(wh.wait_until(lambda: "sleep 6100" not in wh.run("ps", "-eo", "args").stdout))

    def test_what_a_hook_leaves_running(self):
        """In its own group it ends with the hook and holds nobody up; in a session of its own it lives."""
        self.hook("up", text=f"sleep 6200 & setsid sleep 6300 & sleep 0.2")
        wh.warren("add", "web1")  # or it would take hours
        self.assertTrue(wh.wait_until(lambda: "sleep 6200" not in wh.run("ps", "-eo", "args").stdout))
        left = wh.run("ps", "-eo", "pid,args").stdout
        line = next(line for line in left.splitlines() if "sleep 6300" in line)
        os.kill(int(line.split()[0]), signal.SIGKILL)

    def test_output_is_on_one_line_and_has_an_end(self):
        self.hook("up", text=r"printf 'a\033[2Jb\nlast'; yes | head -n 100000")
        result = wh.warren("add", "web1")
        self.assertIn("up/10-test: a\\x1b[2Jb\n", result.stderr)
        self.assertIn("(what else it says is left out)", result.stderr)
        self.assertLess(len(result.stderr.splitlines()), 1010)
        self.assertEqual(len(result.stdout.splitlines()), 1)


class Refused(HooksTest):
    """Warned of, with the reason, and not run; the command goes on."""

    def check(self, why, path):
        what = f"hooks in {path} are" if path.is_dir() and path.name != "10-test" else f"hook {path} is"
        self.assertIn(f"warren: warning: {what} not run: {why}", wh.warren("add", "web1").stderr)
        self.assertEqual(self.seen(), [])

    def test_of_another_owner(self):
        path = self.hook("up")
        os.chown(path, 1, 0)
        self.check("root does not own it", path)

    def test_writable_by_the_group(self):
        self.check("its group or others may write to it", self.hook("up", mode=0o775))

    def test_writable_by_all(self):
        self.check("its group or others may write to it", self.hook("up", mode=0o757))

    def test_symbolic_link(self):
        path = self.hook("up")
        shutil.move(path, "/run/elsewhere")
        path.symlink_to("/run/elsewhere")
        self.check("it is a symbolic link", path)

    def test_not_executable(self):
        self.check("it is not executable", self.hook("up", mode=0o644))

    def test_no_file(self):
        path = self.hook("up")
        path.unlink()
        path.mkdir()
        self.check("it is no regular file", path)
        path.rmdir()
        os.mkfifo(path, 0o755)
        wh.warren("rm", "web1")
        self.check("it is no regular file", path)

    def test_inside_of_what_is_not_there(self):
        for event in "pre-up", "down":
            self.hook(event, "10-test.inside")
        result = wh.warren("add", "web1").stderr + wh.warren("rm", "web1").stderr
        for event in "pre-up", "down":
            self.assertIn(f"/{event}/10-test.inside is not run: at {event} the space has no inside", result)
        self.assertEqual(self.seen(), [])

    def test_each_folder_on_the_way(self):
        own = self.hook("up", space="web1")
        folders = [folder for folder in own.parents if folder == ETC or ETC in folder.parents]
        self.assertEqual(len(folders), 5)
        for folder in folders:
            for spoil, mend in ((lambda: os.chmod(folder, 0o777), lambda: os.chmod(folder, 0o755)),
                                (lambda: os.chown(folder, 1, 0), lambda: os.chown(folder, 0, 0))):
                with self.subTest(folder=folder):
                    spoil()
                    self.check("", folder)
                    wh.warren("rm", "web1")
                    mend()
        wh.warren("add", "web1")
        self.assertEqual(self.events(), ["up"])

    def test_folder_that_is_a_link(self):
        self.hook("up")
        shutil.move(ETC / "hooks.d", "/run/hooks.d")
        self.addCleanup(shutil.rmtree, "/run/hooks.d")
        (ETC / "hooks.d").symlink_to("/run/hooks.d")
        self.check("it is no directory", ETC / "hooks.d")

    def test_hidden_files_are_none(self):
        self.hook("up", ".hidden")
        self.assertEqual(wh.warren("add", "web1").stderr, "")
        self.assertEqual(self.seen(), [])


class FromAHook(HooksTest):
    def test_what_would_wait_is_refused_at_once(self):
        for event in "pre-up", "up":
            self.hook(event, text=f"{wh.WARREN} add other; echo $? >{SEEN}; exit 0")
            result = wh.warren("add", "web1")
            self.assertIn(f"called from a hook ({event})", result.stderr)
            self.assertEqual(self.seen(), ["1"])
            wh.warren("rm", "web1")
            shutil.rmtree(ETC)

    WAITING = ("id allocate bob", "id free alice", "id purge --all", "id export --subuid", "map add m --owner alice --both 0:0:1",
               "map assign base --owner alice", "map rm m0", "map split alice", "member add base bob", "member rm base alice",
               "service add s 80 --to 127.0.0.1:80", "service rm s", "port add base 80", "port rm base 80", "dev add base --type veth",
               "dev rm base eth1", "rm base", "down base", "up", "check", "add other", "adopt other --pid 1", "apply -", "run base -- true")

    def test_every_command_that_would_wait_is_refused_at_once(self):
        wh.warren("id", "allocate", "alice")
        self.addCleanup(wh.warren, "id", "purge", "alice")
        self.addCleanup(wh.warren, "id", "free", "alice")
        wh.warren("add", "base")
        lines = [f"timeout -k1 5 {wh.WARREN} {words} </dev/null 2>>{SEEN}.said; echo $? >>{SEEN}" for words in self.WAITING]
        self.addCleanup(os.unlink, f"{SEEN}.said")
        for event in "pre-up", "up":
            with self.subTest(event=event):
                self.hook(event, text="\n".join(lines))
                wh.warren("add", "web1")
                self.assertEqual(dict(zip(self.WAITING, self.seen())), dict.fromkeys(self.WAITING, "1"))
                said = pathlib.Path(f"{SEEN}.said").read_text().splitlines()
                self.assertEqual([line for line in said if f"called from a hook ({event})" not in line], [])
                pathlib.Path(f"{SEEN}.said").write_text("")
                wh.warren("rm", "web1")
                shutil.rmtree(ETC)
        self.assertEqual([block["owner"] for block in wh.warren("id", "ls", json=True)], ["alice"])

    def test_what_has_lost_its_environment_is_refused_too(self):
        self.hook("up", text=f"env -i timeout -k1 5 {wh.WARREN} add other 2>{SEEN}; echo $? >>{SEEN}")
        holder = wh.start(wh.WARREN, "add", "web1", stdout=subprocess.DEVNULL)
        self.assertEqual(holder.wait(30), 0)
        said, status = self.seen()
        self.assertEqual(status, "1")
        self.assertIn(f"PID {holder.pid} ({wh.WARREN} add web1) has the lock", said)

    def test_what_only_looks_works(self):
        self.hook("up", text=f"{wh.WARREN} ls >{SEEN} && {wh.WARREN} exec web1 -- ls /sys/class/net >>{SEEN}")
        wh.warren("add", "web1")
        lines = self.seen()
        self.assertTrue(lines[1].startswith("web1") and lines[-1] == "veth_web1", lines)


class Killed(HooksTest):
    """kill -9 of warren while a hook runs: the hook ends too, and the next `warren up` completes."""

    def kill_during(self, event, *words):
        path = self.hook(event, "50-slow", f"touch {SEEN}.slow; sleep 6400")
        with wh.killed_after(wh.start(wh.WARREN, *words)) as process:
            self.assertTrue(wh.wait_until(lambda: os.path.exists(f"{SEEN}.slow")))
            process.send_signal(signal.SIGKILL)
        self.assertTrue(wh.wait_until(lambda: f"{path}" not in wh.run("ps", "-eo", "args").stdout))
        path.unlink()
        os.unlink(f"{SEEN}.slow")

    def up_and_whole(self):
        wh.warren("up")
        wh.warren("check")

    def names(self):
        return [space["name"] for space in wh.warren("ls", json=True)]

    def test_add(self):
        self.hook_all()
        self.kill_during("pre-up", "add", "web1")
        self.up_and_whole()
        self.assertEqual((self.names(), self.events()), ([], ["pre-up"]))
        self.kill_during("up", "add", "web1")
        self.assertEqual(self.events(), ["pre-up", "up"])
        self.up_and_whole()
        self.assertEqual((self.names(), self.events()), (["web1"], ["up"]))
        self.up_and_whole()
        self.assertEqual(self.seen(), [])

    def test_down_and_up(self):
        self.hook_all()
        wh.warren("add", "web1")
        self.seen()
        self.kill_during("pre-down", "down", "web1")
        self.up_and_whole()
        self.assertEqual(self.events(), ["pre-down"])
        self.assertTrue(wh.ping("web1", wh.WORLD4))
        self.kill_during("down", "down", "web1")
        self.seen()
        self.up_and_whole()
        self.assertEqual(self.events(), ["down"])
        for event in "pre-up", "up":
            self.kill_during(event, "up", "web1")
            self.seen()
            wh.warren("up", "web1")
            self.assertEqual(self.events(), ["pre-up", "up"] if event == "pre-up" else ["up"])
            wh.warren("check")
            wh.warren("down", "web1")

    def test_rm(self):
        self.hook_all()
        wh.warren("add", "web1")
        self.kill_during("down", "rm", "web1")
        self.seen()
        self.up_and_whole()
        self.assertEqual((self.names(), self.events()), ([], ["down"]))


class Cost(HooksTest):
    def test_nothing_is_written_without_hooks(self):
        shutil.rmtree("/run/warren/hooks", ignore_errors=True)
        wh.warren("add", "web1")
        wh.warren("rm", "web1")
        self.assertFalse(os.path.exists("/run/warren/hooks"))


if __name__ == "__main__":
    wh.main()
