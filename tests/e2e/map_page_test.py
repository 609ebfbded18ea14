#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""warren-map(8) held against the program: keys of JSON, examples, messages."""

import os
import pathlib
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import warrenhost as wh  # noqa: E402
from ids_test import SUBUID, Ids  # noqa: E402

PAGE = wh.ROOT / "docs/warren-map.8"


def section(title):
    return re.split(r"^\.Sh .*\n", PAGE.read_text().split(f".Sh {title}\n")[1], flags=re.MULTILINE)[0]


def literals(text):
    return re.findall(r"^\.Bd -literal.*\n([\s\S]*?)^\.Ed", text, re.MULTILINE)


def keys(paragraph):
    """Those of the list in the so many-th paragraph of JSON OUTPUT."""
    lines = re.findall(r"^\.It Va (.*)", section("JSON OUTPUT").split(".Pp\n")[paragraph], re.MULTILINE)
    return {key for line in lines for key in line.split(" , ")}


class Page(Ids):
    def setUp(self):
        super().setUp()
        for line in literals(section("EXAMPLES"))[0].splitlines():
            if line.startswith("warren map assign"):
                wh.warren("add", "web1")
            wh.warren(*line.split()[1:])

    def test_keys(self):
        block, shown, exported, one, translated, explained = (keys(i) for i in range(6))
        self.assertEqual(set(wh.warren("id", "show", "alice", json=True)), block | shown)
        self.assertEqual(set(wh.warren("id", "ls", json=True)[0]), block | shown)
        self.assertEqual(set(wh.warren("id", "allocate", "bob", json=True)), block)
        self.assertEqual(set(wh.warren("id", "free", "bob", json=True)), block)
        self.assertEqual(set(wh.warren("id", "export", json=True)[0]), block)
        self.assertEqual(set(wh.warren("id", "purge", "bob", json=True)[0]), block)
        self.assertEqual(set(wh.warren("id", "export", "--subuid", json=True)), exported)
        for maps in ([wh.warren("map", "show", "big", json=True)], wh.warren("map", "ls", json=True),
                     wh.warren("map", "split", "alice", json=True)):
            self.assertEqual(set(maps[-1]), one)
        self.assertEqual(set(wh.warren("map", "show", "big", "--id", 1, json=True)[0]), translated)
        self.assertEqual(set(wh.warren("map", "explain", "big", 1, json=True)[0]), explained)
        for command in ("map", "assign", "web1", "default"), ("map", "rm", "big"):
            self.assertEqual(wh.warren("-o", "json", *command).stdout, "")

    def test_second_example(self):
        for name in "web2", "web3":
            wh.warren("add", name)
        for line in literals(section("EXAMPLES"))[1].splitlines():
            wh.warren(*line.split()[1:])
        self.assertEqual(len(wh.warren("id", "show", "alice", json=True)["spaces"]), 3)

    def test_messages(self):
        first, second = literals(section("DIAGNOSTICS"))[0].splitlines()
        result = wh.warren("map", "add", "bad", "--owner", "alice", "--both", "0:0:65536", "--both", "65535:65536:10", check=False)
        self.assertEqual(result.stderr, f"warren: {first}\n")
        wh.warren("map", "assign", "web1", "default")
        wh.warren("map", "rm", "big")
        wh.warren("id", "free", "alice")
        wh.warren("id", "purge", "alice")
        SUBUID.write_text("alice:1100000:65536\n")
        self.assertEqual(wh.warren("id", "allocate", "x", "--first", 1048576, check=False).stderr, f"warren: {second}\n")

    def test_settings(self):
        pathlib.Path(wh.CONFIG).parent.mkdir(exist_ok=True)
        pathlib.Path(wh.CONFIG).write_text(literals(section("CONFIGURATION"))[0])
        self.assertEqual(wh.warren("id", "allocate", "bob", json=True)["first"], 1048576 + 524288)


class Readme(Ids):
    """What README shows is what the commands print."""

    def test_section(self):
        text = (wh.ROOT / "README.md").read_text().split("\n## User and group IDs\n")[1].split("\n## ")[0]
        session = "".join(line[4:] + "\n" for line in text.splitlines() if line.startswith("    "))
        wh.warren("add", "web1")
        path = f"{os.path.dirname(wh.WARREN)}:{os.environ['PATH']}"
        SUBUID.write_text("bob:1600000:65536\n")
        for piece in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            command, wanted = piece.split("\n", 1)
            with self.subTest(command):
                result = wh.run("sh", "-c", command + " 2>&1", check=False, env=os.environ | {"PATH": path})
                self.assertEqual(*(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", t) for t in (result.stdout, wanted)))


if __name__ == "__main__":
    wh.main()
