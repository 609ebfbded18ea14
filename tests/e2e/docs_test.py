#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual page and the completion, held against the program: commands, options, keys."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrendhost
import warrenhost as wh

DOCS = wh.ROOT / "docs"
PAGE = DOCS / "warren.8"
PAGES = [PAGE, *sorted(DOCS.glob("warren-*.8"))]  # the others have commands of their own
LOADER = pathlib.Path("/usr/share/bash-completion/bash_completion")
GLOBAL = {"--help", "--config", "--output"}


def rendered(width=120, page=PAGE):
    """The page as a terminal shows it, and what the formatter warns of."""
    result = wh.run("man", "--nh", "--nj", "--warnings=w", "-l", page,
                    env=os.environ | {"LC_ALL": "C", "MANWIDTH": str(width)})
    return result.stdout, result.stderr


def parts(text, heading):
    """What stands under each heading: {"add": "..."}."""
    pieces = re.split(heading, text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


def source_parts(section):
    """The subsections of a section, by title, as they stand in the source."""
    body = parts(PAGE.read_text(), r"^\.Sh (.*)\n")[section]
    return {title.removeprefix("\\&"): text for title, text in parts(body, r"^\.Ss (.*)\n").items()}


def commands(*words):
    """All commands by `--help`, with the long options of each: {"port add": {"--help"}}."""
    text = wh.warren(*words, "--help").stdout
    if listed := re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE):
        names = re.findall(r"^  (\S+)", listed[1], re.MULTILINE)
        return {command: options for name in names for command, options in commands(*words, name).items()}
    return {" ".join(words): long_options(text.split("Example:")[0]) - GLOBAL}


def long_options(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))


class Page(wh.HostTest):
    def test_no_warning_in_any_width(self):
        for width in 80, 120, 200:
            self.assertEqual([rendered(width, page)[1] for page in PAGES], [""] * len(PAGES))

    maxDiff = None

    def test_each_command_with_just_its_options(self):
        described = {}
        for page in PAGES:
            section = parts(rendered(page=page)[0], r"^([A-Z].*)\n").get("COMMANDS", "")
            described |= {title: long_options(text) for title, text in parts(section, r"^   (\S.*)\n").items()}
        self.assertEqual(described, commands())

    def test_options_of_every_command(self):
        text = wh.warren("--help").stdout
        self.assertEqual(long_options(text), GLOBAL | {"--version"})
        description = parts(rendered()[0], r"^([A-Z].*)\n")["DESCRIPTION"]
        self.assertEqual(long_options(description), GLOBAL | {"--version"})

    def test_keys_of_both_files(self):
        wh.configure(nonsense=1)
        known = [wh.warren("ls", check=False), wh.warren("apply", "-", input="[space.a]\nnonsense = 1", check=False)]
        body = parts(PAGE.read_text(), r"^\.Sh (.*)\n")
        for section, result in zip(("CONFIGURATION", "SPACES FILE"), known):
            with self.subTest(section=section):
                self.assertEqual(result.returncode, 2)
                listed = set(re.search(r"known are: (.*)", result.stderr)[1].split(", "))
                lines = re.findall(r"^\.It Cm (.*)", body[section], re.MULTILINE)
                self.assertEqual({key for line in lines for key in line.split(" , ")}, listed)

    def test_keys_of_tables(self):
        wh.configure()
        body = parts(PAGE.read_text(), r"^\.Sh (.*)\n")["CONFIGURATION"]
        for table in "sessions", "hooks", "ids":
            pathlib.Path(wh.CONFIG).write_text(f"[{table}]\nnonsense = 1\n")
            listed = re.search(r"known are: (.*)", wh.warren("ls", check=False).stderr)[1].split(", ")
            for key in listed:
                self.assertIn(f"\n.Li {key} = ", body)

    def test_every_page_is_there(self):
        """Those of ours that SEE ALSO names."""
        named = re.findall(r"^\.Xr (warren\S*|pam_warren) (\d)", PAGE.read_text().split(".Sh SEE ALSO")[1], re.MULTILINE)
        self.assertEqual([f"{name}.{section}" for name, section in named if not (DOCS / f"{name}.{section}").exists()], [])

    def test_sections(self):
        titles = re.findall(r"^\.Sh (.*)", PAGE.read_text(), re.MULTILINE)
        self.assertEqual(titles, ["NAME", "SYNOPSIS", "DESCRIPTION", "WORDS", "COMMANDS", "PORT SPECIFICATIONS",
                                  "SPACES FILE", "CONFIGURATION", "HOOKS", "JSON OUTPUT", "ISOLATION", "LIMITATIONS",
                                  "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO"])


class JsonKeys(wh.HostTest):
    """The keys under JSON OUTPUT are those that are printed, for each command."""

    def setUp(self):
        self.documented = {title: set(re.findall(r"^\.It Va (\w+)", text, re.MULTILINE))
                           for title, text in source_parts("JSON OUTPUT").items()}
        wh.warren("add", "web1", "-p", "6000:8080", "-p", "8000-8009/udp")
        wh.warren("add", "web2")

    def keys(self, *titles):
        return set().union(*(self.documented[title] for title in titles))

    def check(self, value, *titles):
        """The object, or each in the array, has just the keys under these titles."""
        found = value if isinstance(value, list) else [value]
        self.assertTrue(found, f"nothing to look at for {titles}")
        for one in found:
            self.assertEqual(set(one), self.keys(*titles), titles)

    def print(self, *args, code=0):
        result = wh.warren("-o", "json", *args, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout)

    def test_space(self):
        for args in ("add", "web3", "-p", "6001:80"), ("add", "web4", "-p", "8080", "--dry-run"):
            space = self.print(*args)
            self.check(space, "A space")
            self.check(space["forwards"], "A forward")
        self.check(self.print("plan", "web1"), "A space")
        self.check(self.print("plan", "77"), "A space")
        self.check(self.print("export"), "A space")
        self.check(self.print("adopt", "guest", "--path", "/run/netns/outside"), "A space")

    def test_space_that_stands(self):
        for space in self.print("ls"):
            self.check(space, "A space", "ls")
            self.check(space["refused"], "Refused packets")
        space = self.print("show", "web1")
        self.check(space, "A space", "ls", "show")
        self.check(space["forwards"], "A forward", "A counted forward")
        self.assertEqual(self.keys("add, adopt, plan", "export"), set())

    def test_ports(self):
        added = self.print("port", "add", "web1", "8081/both")
        self.check(added, "port add")
        self.check(added["added"], "A forward")
        self.check(self.print("port", "ls"), "A forward", "A counted forward", "port ls")
        removed = self.print("port", "rm", "web1", "6000")
        self.check(removed, "port rm")
        self.check(removed["removed"], "A forward")

    def test_state(self):
        self.check(self.print("check"), "check")
        self.check(self.print("down", "web2"), "down")
        self.check(self.print("up", "--dry-run"), "up --dry-run")
        self.check(self.print("up"), "up")
        self.check(self.print("rm", "web2", "--dry-run"), "rm")
        self.check(self.print("rm", "web2"), "rm")

    def test_backup(self):
        self.check(self.print("backup", "/run/store.backup"), "backup")
        self.check(self.print("restore", "/run/store.backup"), "restore")

    def test_failure(self):
        wh.warren("down", "web2")
        os.makedirs("/run/netns/web2/in-the-way")
        try:
            self.check(self.print("up", "web2", code=1)["failed"], "A failure")
        finally:
            wh.run("rm", "-r", "/run/netns/web2")

    def test_members(self):
        self.check(self.print("up", "--member", "nobody"), "up --member")
        wh.warren("member", "add", "web1", "root", "@root")
        self.check(self.print("member", "ls"), "member ls")
        for command in ("member", "add", "web1", "@adm"), ("member", "rm", "web1", "@adm"):
            self.assertEqual(wh.warren("-o", "json", *command).stdout, "")

    def test_services(self):
        self.check(self.print("service", "add", "sql", "3306", "--to", "100.64.0.1:3306"), "A service", "service add")
        self.check(self.print("service", "ls"), "A service", "service ls")
        wh.warren("service", "add", "relayed", "3307", "--to", "127.0.0.1:3307", "--mode", "proxy")
        with wh.killed_after(wh.start(warrendhost.WARREND, stderr=subprocess.DEVNULL)):
            self.assertTrue(wh.wait_until(lambda: (warrendhost.status() or {}).get("services")))
            self.check(self.print("service", "ls")[0]["connections"], "Connections of a service")
        wh.warren("service", "rm", "relayed")
        self.assertEqual(wh.warren("-o", "json", "service", "rm", "sql").stdout, "")
        self.assertEqual(self.print("service", "ls"), [])

    def test_devices(self):
        device = self.print("dev", "add", "web1", "--type", "macvlan", "--parent", "uplink")
        self.check(device, "A device", "dev add")
        self.check(self.print("dev", "ls"), "A device", "dev ls")
        self.check(self.print("show", "web1")["devices"], "A device")
        self.check(self.print("explain", "web1")["devices"], "A device")
        self.assertEqual(wh.warren("-o", "json", "dev", "rm", "web1", "eth1").stdout, "")
        self.check(self.print("add", "fw", "--no-uplink"), "A space")

    def test_audit(self):
        self.assertEqual(self.print("audit"), [])
        with open("/etc/passwd", "a") as file:
            file.write("web2:x:2222:2222::/:/bin/sh\n")
        with wh.killed_after(wh.start("sleep", "60", user=2222)):
            self.check(self.print("audit", code=3), "audit")

    def test_events(self):
        path = pathlib.Path("/run/warren/events.jsonl")
        path.write_text('{"time":"2026-11-22T00:00:00.000Z","event":"mended","mended":["space web1: ..."]}\n')
        self.addCleanup(path.unlink)
        for event in self.print("events"):
            self.assertLessEqual(self.keys("events"), set(event))

    def test_apply(self):
        result = wh.warren("-o", "json", "apply", "-", "--dry-run", input="[space.web5]\nports = ['7000:80']")
        result = json.loads(result.stdout)
        self.check(result, "apply")
        self.check(result["steps"], "A step")

    def test_doctor(self):
        result = wh.warren("-o", "json", "doctor", check=False)
        findings = json.loads(result.stdout)
        self.check(findings, "doctor")
        self.check(findings["findings"], "A finding")

    def test_explain(self):
        wh.run("nft", "add table inet other; add chain inet other f { type filter hook forward priority 0; policy drop; }")
        self.addCleanup(wh.run, "nft", "delete table inet other")
        with wh.killed_after(wh.start(wh.WARREN, "exec", "web1", "--", "sleep", 60)) as inside:
            self.assertTrue(wh.wait_until(lambda: self.print("pids", "web1")))
            told = [self.print("explain", what) for what in
                    ("6000", "6999", "web1", "100.64.0.2", "100.64.0.1", inside.pid, os.getpid())]
        self.assertEqual(set().union(*told), self.keys("explain"))
        forwards = [forward for one in told for forward in one.get("forwards", [])]
        self.check(forwards, "A forward", "A counted forward", "An explained forward")
        self.check(forwards[0]["dropped_by"], "A drop")

    def test_processes(self):
        with wh.killed_after(wh.start(wh.WARREN, "exec", "web1", "--", "sleep", 60)) as inside:
            self.assertTrue(wh.wait_until(lambda: self.print("pids", "web1")))
            self.check(self.print("pids", "web1"), "pids")
            self.check(self.print("identify", inside.pid), "identify")
        self.check(self.print("identify", os.getpid(), code=1), "identify")

    def test_monitor(self):
        with wh.killed_after(wh.start(wh.WARREN, "monitor", "-o", "json", stdout=subprocess.PIPE)) as monitor, \
                monitor.stdout:
            with wh.killed_after(wh.start("sh", "-c", f"while {wh.WARREN} port add web1 80 && sleep 0.1; do :; done",
                                          stdout=subprocess.DEVNULL)):
                event = json.loads(monitor.stdout.readline())
        self.check(event, "monitor")
        self.assertEqual(event["event"], "forward-added")

    def test_version(self):
        self.check(self.print("version"), "version")

    def test_each_title_is_looked_at(self):
        code = pathlib.Path(__file__).read_text()
        self.assertEqual([title for title in self.documented if f'"{title}"' not in code], [])


class Events(wh.HostTest):
    def test_every_event_is_listed(self):
        text = source_parts("JSON OUTPUT")["monitor"]
        listed = set(re.findall(r"^\.Li (\S+)", text, re.MULTILINE))
        code = (wh.ROOT / "src/view/events.cc").read_text()
        told = set(re.findall(r'"((?:nat|address|forward|device|link|ruleset|table|events|space)-[a-z]+)"', code))
        self.assertEqual(listed - {"space-up", "space-down", "space-removing"}, told)


class Completion(wh.HostTest):
    def setUp(self):
        for name in "web1", "b.example":
            wh.warren("add", name)

    def complete(self, *words, before='eval "$(warren completion bash)"'):
        """What bash offers for the last of the words."""
        script = f"""{before}
            shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${{#COMP_LINE}}
            how=$(complete -p warren) && [[ $how =~ -F\\ ([^ ]+) ]] && COMPREPLY=()
            "${{BASH_REMATCH[1]}}" warren "${{@: -1}}" "${{@: -2:1}}"
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        path = f"{os.path.dirname(wh.WARREN)}:{os.environ['PATH']}"
        result = wh.run("bash", "--norc", "-c", script, "bash", "-", "warren", *words, env=os.environ | {"PATH": path})
        self.assertEqual(result.stderr, "")
        return set(result.stdout.split())

    def test_commands(self):
        self.assertEqual(self.complete("sh"), {"show", "shell"})
        self.assertEqual({word for word in self.complete("") if word[0] != "-"}, {name.split()[0] for name in commands()})

    def test_value_of_an_option_is_no_command(self):
        for option in ("--type", "veth"), ("--gateway", "192.0.2.1"), ("-p", "80"):
            with self.subTest(option=option):
                self.assertIn("--parent", self.complete("dev", *option, "add", "--"))

    def test_spaces(self):
        for command in "show", "exec", "shell", "rm", "up", "down", "pids", "plan", "explain", "adopt":
            with self.subTest(command=command):
                self.assertLessEqual({"web1", "b.example"}, self.complete(command, ""))
        self.assertEqual(self.complete("show", "w"), {"web1"})
        self.assertEqual(wh.warren("completion", "names", "b.").stdout, "b.example\n")
        self.assertEqual(wh.warren("completion", "names").stdout, "b.example\nweb1\n")
        self.assertEqual(wh.warren("completion", "names", "%").stdout, "")

    def test_port(self):
        self.assertLessEqual({"add", "rm", "ls"}, self.complete("port", ""))
        self.assertLessEqual({"web1", "b.example"}, self.complete("port", "add", ""))

    def test_members_and_services(self):
        self.assertLessEqual({"add", "rm", "ls"}, self.complete("member", "") & self.complete("service", ""))
        for command in ("member", "add"), ("member", "rm"), ("member", "ls"), ("service", "add", "x", "1", "--only"):
            with self.subTest(command):
                self.assertLessEqual({"web1", "b.example"}, self.complete(*command, ""))
        self.assertLessEqual({"root", "@root"}, self.complete("member", "add", "web1", ""))
        wh.warren("service", "add", "sql", "3306", "--to", "100.64.0.1:3306")
        self.addCleanup(wh.warren, "service", "rm", "sql")
        self.assertEqual(self.complete("service", "rm", "s"), {"sql"})
        self.assertEqual(self.complete("service", "add", "x", "1", "--mode", ""), {"nat", "proxy"})
        self.assertEqual(self.complete("service", "add", "x", "1", "--proxy-protocol", ""), {"v1", "v2"})
        self.assertIn("root", self.complete("up", "--member", "ro"))

    def test_ids_and_maps(self):
        wh.warren("id", "allocate", "alice")
        self.addCleanup(shutil.rmtree, "/var/lib/warren")
        wh.warren("map", "add", "big", "--owner", "alice", "--both", "0:0:65536")
        for command in ("map", "show"), ("map", "explain"), ("map", "rm"), ("map", "assign", "web1"):
            with self.subTest(command):
                self.assertIn("big", self.complete(*command, ""))
        self.assertLessEqual({"web1", "b.example"}, self.complete("map", "assign", ""))
        for command in ("id", "show"), ("id", "free"), ("id", "purge"), ("map", "split"), ("map", "ls", "--owner"):
            with self.subTest(command):
                self.assertIn("alice", self.complete(*command, ""))
        self.assertLessEqual({"root", "web1"}, self.complete("id", "allocate", ""))

    def test_devices(self):
        self.assertLessEqual({"add", "rm", "ls"}, self.complete("dev", ""))
        for command in "add", "rm", "ls":
            self.assertLessEqual({"web1", "b.example"}, self.complete("dev", command, ""))
        self.assertEqual(self.complete("dev", "add", "web1", "--type", ""), {"veth", "macvlan", "ipvlan", "vlan", "physical"})
        self.assertEqual(self.complete("dev", "add", "web1", "--mode", "l"), {"l2", "l3", "l3s"})
        self.assertIn("uplink", self.complete("dev", "add", "web1", "--parent", ""))

    def test_options(self):
        for command, options in commands().items():
            with self.subTest(command=command):
                self.assertLessEqual(options, self.complete(*command.split(), "--"))

    def test_values_of_options(self):
        self.assertEqual(self.complete("-o", ""), {"text", "json"})
        self.assertEqual(self.complete("-o", "json", "sh"), {"show", "shell"})
        self.assertEqual(self.complete("--config", "/etc/hosts", "show", "w"), {"web1"})
        self.assertIn("root", self.complete("exec", "web1", "-u", "ro"))
        self.assertEqual(self.complete("pids", "web1", "--by", ""), {"unit", "user"})
        self.assertEqual(self.complete("ls", "--config", "/etc/host"), self.complete("apply", "/etc/host"))

    def test_files(self):
        self.assertIn("/etc/passwd", self.complete("apply", "/etc/passw"))

    def test_installed_file(self):
        file = DOCS / "warren.bash-completion"
        self.assertEqual(self.complete("sh", before=f"source {file}"), {"show", "shell"})

    @unittest.skipUnless(LOADER.exists(), "bash-completion is not installed")
    def test_loaded_by_name(self):
        os.makedirs("/run/completions")
        self.addCleanup(wh.run, "rm", "-r", "/run/completions")
        os.symlink(DOCS / "warren.bash-completion", "/run/completions/warren")
        before = f"BASH_COMPLETION_USER_DIR=/run; source {LOADER}; _completion_loader warren"
        self.assertEqual(self.complete("sh", before=before), {"show", "shell"})


if __name__ == "__main__":
    wh.main()
